// A small MQTT 3.1.1 broker: mqtt_broker [URL]. QoS 0, no retained messages, no sessions.
#include <mongoose.h>

// Who wants what.
struct subscription {
  struct subscription *next;
  struct mg_connection *c;
  struct mg_str filter;
};

static struct subscription *subscriptions;

// SUBSCRIBE: a packet id, then filters, each with a length prefix and a byte of QoS after it.
static void subscribe(struct mg_connection *c, struct mg_mqtt_message *mm) {
  const unsigned char *p = (const unsigned char *) mm->dgram.buf + 1, *end = p + mm->dgram.len - 1;
  uint8_t granted[256] = {0};
  size_t count = 0;
  uint16_t id = mg_htons(mm->id);
  while (*p++ >= 128) {  // the length of the packet
  }
  for (p += sizeof(id); end - p > 3 && count < sizeof(granted); count++) {
    size_t i, len = (size_t) p[0] << 8 | p[1];
    struct subscription *s = (struct subscription *) calloc(1, sizeof(*s));
    if (s == NULL || len + 3 > (size_t) (end - p)) {
      free(s);
      break;
    }
    s->c = c, s->filter = mg_strdup(mg_str_n((const char *) p + 2, len)), s->next = subscriptions;
    for (i = 0; i < len; i++) {
      if (s->filter.buf[i] == '+') s->filter.buf[i] = '*';  // what mg_match() calls it
    }
    subscriptions = s;
    p += len + 3;
  }
  mg_mqtt_send_header(c, MQTT_CMD_SUBACK, 0, (uint32_t) (sizeof(id) + count));
  mg_send(c, &id, sizeof(id));
  mg_send(c, granted, count);
}

static void publish(struct mg_mqtt_message *mm) {
  struct mg_mqtt_opts opts = {.topic = mm->topic, .message = mm->data};
  struct subscription *s;
  for (s = subscriptions; s != NULL; s = s->next) {
    if (mg_match(mm->topic, s->filter, NULL)) mg_mqtt_pub(s->c, &opts);
  }
}

static void forget(struct mg_connection *c) {
  struct subscription **at = &subscriptions;
  while (*at != NULL) {
    struct subscription *s = *at;
    if (s->c != c) {
      at = &s->next;
      continue;
    }
    *at = s->next;
    mg_free((void *) s->filter.buf);
    free(s);
  }
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_MQTT_CMD) {
    struct mg_mqtt_message *mm = (struct mg_mqtt_message *) ev_data;
    if (mm->cmd == MQTT_CMD_CONNECT) {
      const uint8_t accepted[] = {0, 0};
      mg_mqtt_send_header(c, MQTT_CMD_CONNACK, 0, sizeof(accepted));
      mg_send(c, accepted, sizeof(accepted));
    } else if (mm->cmd == MQTT_CMD_SUBSCRIBE) {
      subscribe(c, mm);
    } else if (mm->cmd == MQTT_CMD_PINGREQ) {
      mg_mqtt_pong(c);
    }
  } else if (ev == MG_EV_MQTT_MSG) {
    publish((struct mg_mqtt_message *) ev_data);
  } else if (ev == MG_EV_CLOSE) {
    forget(c);
  }
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  struct mg_connection *listener;
  mg_mgr_init(&mgr);
  listener = mg_mqtt_listen(&mgr, argc > 1 ? argv[1] : "mqtt://127.0.0.1:1883", handler, NULL);
  if (listener == NULL) return 1;
  printf("mqtt://127.0.0.1:%d\n", (int) mg_ntohs(listener->loc.port));
  fflush(stdout);
  for (;;) mg_mgr_poll(&mgr, 1000);
}

// An MQTT client that sends back what it receives: mqtt_client URL VERSION.
//
// What comes on in/X goes out on out/X, with the same QoS and properties. in/unsubscribe, in/disconnect
// and in/die make it do so, the last without a word to the broker, which then publishes its will.
#include <stdio.h>
#include <stdlib.h>
#include "mongoose.h"

#define PROPS 16

static bool s_done;

static void say(const char *fmt, int a, int b) {
  printf(fmt, a, b);
  fflush(stdout);
}

static void subscribe(struct mg_connection *c, void (*fn)(struct mg_connection *, const struct mg_mqtt_opts *)) {
  struct mg_mqtt_opts opts;
  memset(&opts, 0, sizeof(opts));
  opts.topic = mg_str("in/#"), opts.qos = 2;
  fn(c, &opts);
}

static void send_back(struct mg_connection *c, struct mg_mqtt_message *mm) {
  struct mg_mqtt_prop props[PROPS];
  struct mg_mqtt_opts opts;
  char topic[100];
  size_t n = 0, ofs = 0;
  while (n < PROPS && (ofs = mg_mqtt_next_prop(mm, &props[n], ofs)) > 0) n++;
  memset(&opts, 0, sizeof(opts));
  mg_snprintf(topic, sizeof(topic), "out/%.*s", (int) mm->topic.len - 3, mm->topic.buf + 3);
  opts.topic = mg_str(topic), opts.message = mm->data, opts.qos = mm->qos;
  opts.props = props, opts.num_props = n;
  mg_mqtt_pub(c, &opts);
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_mqtt_message *mm = (struct mg_mqtt_message *) ev_data;
  if (ev == MG_EV_MQTT_OPEN) {
    say("open %d\n", *(int *) ev_data, 0);
    subscribe(c, mg_mqtt_sub);
  } else if (ev == MG_EV_MQTT_MSG) {
    if (mg_strcmp(mm->topic, mg_str("in/unsubscribe")) == 0) {
      subscribe(c, mg_mqtt_unsub);
    } else if (mg_strcmp(mm->topic, mg_str("in/disconnect")) == 0) {
      mg_mqtt_disconnect(c, NULL);
    } else if (mg_strcmp(mm->topic, mg_str("in/die")) == 0) {
      c->is_closing = 1;
    } else {
      if (mm->dgram.buf[0] & 1) say("retained\n", 0, 0);
      send_back(c, mm);
    }
  } else if (ev == MG_EV_MQTT_CMD) {
    if (mm->cmd == MQTT_CMD_SUBACK) say("ready\n", 0, 0);
    if (mm->cmd == MQTT_CMD_UNSUBACK) say("unsubscribed\n", 0, 0);
    if (mm->cmd == MQTT_CMD_PINGRESP) say("pong\n", 0, 0);
    if (mm->cmd == MQTT_CMD_PUBACK || mm->cmd == MQTT_CMD_PUBREC || mm->cmd == MQTT_CMD_PUBREL ||
        mm->cmd == MQTT_CMD_PUBCOMP) {
      say("cmd %d\n", mm->cmd, 0);
    }
    if (mm->cmd == MQTT_CMD_SUBACK) mg_mqtt_ping(c);
  } else if (ev == MG_EV_ERROR) {
    printf("error %s\n", (char *) ev_data);
  } else if (ev == MG_EV_CLOSE) {
    say("close\n", 0, 0);
    s_done = true;
  }
}

int main(int argc, char *argv[]) {
  struct mg_mgr mgr;
  struct mg_mqtt_opts opts;
  struct mg_mqtt_prop expiry, type;
  if (argc != 3) return 2;
  memset(&opts, 0, sizeof(opts));
  memset(&expiry, 0, sizeof(expiry));
  memset(&type, 0, sizeof(type));
  expiry.id = MQTT_PROP_SESSION_EXPIRY_INTERVAL, expiry.iv = 5;
  type.id = MQTT_PROP_CONTENT_TYPE, type.val = mg_str("will/type");
  opts.version = (uint8_t) atoi(argv[2]);
  opts.client_id = mg_str("mongoose-client"), opts.clean = true, opts.keepalive = 20;
  opts.user = mg_str("user"), opts.pass = mg_str("secret");
  opts.topic = mg_str("will/topic"), opts.message = mg_str("bye"), opts.qos = 1, opts.retain = true;
  opts.props = &expiry, opts.num_props = 1, opts.will_props = &type, opts.num_will_props = 1;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  mg_mqtt_connect(&mgr, argv[1], &opts, handler, NULL);
  while (!s_done) mg_mgr_poll(&mgr, 100);
  mg_mgr_free(&mgr);
  return 0;
}

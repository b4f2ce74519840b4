// A broker for MQTT 3.1.1 and 5, as a program writes one: subscriptions and forwarding, no sessions,
// no retained messages, no wills.
#ifndef MQTT_BROKER_H
#define MQTT_BROKER_H

#include <stdlib.h>
#include "mongoose.h"

#define BROKER_PROPS 16

struct broker_sub {
  struct broker_sub *next;
  struct mg_connection *c;
  struct mg_str filter;  // as mg_match wants it
  uint8_t qos;
};

static struct broker_sub *s_subs;

// Takes a number of one to four bytes off `d`.
static inline bool broker_varint(struct mg_str d, size_t *pos, size_t *number) {
  int shift;
  *number = 0;
  for (shift = 0; shift < 28 && *pos < d.len; shift += 7) {
    uint8_t byte = (uint8_t) d.buf[(*pos)++];
    *number |= (size_t) (byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// Takes a string with its length off `d`.
static inline bool broker_take(struct mg_str d, size_t *pos, struct mg_str *out) {
  size_t n;
  if (*pos > d.len || d.len - *pos < 2) return false;
  n = ((size_t) (uint8_t) d.buf[*pos] << 8) | (uint8_t) d.buf[*pos + 1];
  if (d.len - *pos - 2 < n) return false;
  *out = mg_str_n(d.buf + *pos + 2, n);
  *pos += 2 + n;
  return true;
}

static inline void broker_connect(struct mg_connection *c, struct mg_mqtt_message *mm) {
  struct mg_str protocol;
  size_t pos = 1, rest, len;
  int level;
  if (!broker_varint(mm->dgram, &pos, &rest) || !broker_take(mm->dgram, &pos, &protocol) || pos >= mm->dgram.len) {
    mg_error(c, "bad CONNECT");
    return;
  }
  level = (uint8_t) mm->dgram.buf[pos];
  if (level != 4 && level != 5) {
    mg_error(c, "Unsupported MQTT version %d", level);
    return;
  }
  c->is_mqtt5 = level == 5;
  len = c->is_mqtt5 ? 3 : 2;
  mg_mqtt_send_header(c, MQTT_CMD_CONNACK, 0, (uint32_t) len);
  mg_send(c, "\0\0", len);
}

static inline void broker_forget(struct mg_connection *c, const struct mg_str *filter) {
  struct broker_sub **link = &s_subs;
  while (*link != NULL) {
    struct broker_sub *s = *link;
    if (s->c == c && (filter == NULL || mg_strcmp(s->filter, *filter) == 0)) {
      *link = s->next;
      mg_free((void *) s->filter.buf);
      free(s);
    } else {
      link = &s->next;
    }
  }
}

// SUBSCRIBE and UNSUBSCRIBE: any number of filters.
static inline void broker_filters(struct mg_connection *c, struct mg_mqtt_message *mm) {
  bool adds = mm->cmd == MQTT_CMD_SUBSCRIBE;
  uint8_t codes[100];
  struct mg_str filter;
  size_t pos = 1, n = 0, len;
  uint16_t id = mg_htons(mm->id);
  if (!broker_varint(mm->dgram, &pos, &len)) return;
  pos += 2;
  if (c->is_mqtt5 && broker_varint(mm->dgram, &pos, &len)) pos += len;
  while (n < sizeof(codes) && broker_take(mm->dgram, &pos, &filter)) {
    struct mg_str copy;
    uint8_t qos = 0;
    size_t i;
    if (adds && pos >= mm->dgram.len) break;
    if (adds) qos = (uint8_t) (mm->dgram.buf[pos++] & 3);
    copy = mg_strdup(filter);
    for (i = 0; i < copy.len; i++) {
      if (copy.buf[i] == '+') copy.buf[i] = '*';
    }
    broker_forget(c, &copy);
    if (adds) {
      struct broker_sub *s = (struct broker_sub *) calloc(1, sizeof(*s));
      s->c = c, s->filter = copy, s->qos = qos, s->next = s_subs, s_subs = s;
    } else {
      mg_free((void *) copy.buf);
    }
    codes[n++] = qos;
  }
  len = 2 + (c->is_mqtt5 ? 1 : 0) + (adds || c->is_mqtt5 ? n : 0);
  mg_mqtt_send_header(c, adds ? MQTT_CMD_SUBACK : MQTT_CMD_UNSUBACK, 0, (uint32_t) len);
  mg_send(c, &id, 2);
  if (c->is_mqtt5) mg_send(c, "", 1);
  if (adds || c->is_mqtt5) mg_send(c, codes, n);
}

static inline void broker_publish(struct mg_mqtt_message *mm) {
  struct mg_mqtt_prop props[BROKER_PROPS];
  struct broker_sub *s;
  size_t n = 0, ofs = 0;
  while (n < BROKER_PROPS && (ofs = mg_mqtt_next_prop(mm, &props[n], ofs)) > 0) {
    // An alias counts on the publisher's connection only.
    if (props[n].id != MQTT_PROP_TOPIC_ALIAS) n++;
  }
  for (s = s_subs; s != NULL; s = s->next) {
    struct mg_mqtt_opts opts;
    if (!mg_match(mm->topic, s->filter, NULL)) continue;
    memset(&opts, 0, sizeof(opts));
    opts.topic = mm->topic, opts.message = mm->data;
    opts.qos = mm->qos < s->qos ? mm->qos : s->qos;
    opts.props = props, opts.num_props = n;
    mg_mqtt_pub(s->c, &opts);
  }
}

static inline void broker(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_mqtt_message *mm = (struct mg_mqtt_message *) ev_data;
  if (ev == MG_EV_MQTT_MSG) broker_publish(mm);
  if (ev == MG_EV_CLOSE) broker_forget(c, NULL);
  if (ev != MG_EV_MQTT_CMD) return;
  switch (mm->cmd) {
    case MQTT_CMD_CONNECT: broker_connect(c, mm); break;
    case MQTT_CMD_SUBSCRIBE:
    case MQTT_CMD_UNSUBSCRIBE: broker_filters(c, mm); break;
    case MQTT_CMD_PINGREQ: mg_mqtt_pong(c); break;
    case MQTT_CMD_DISCONNECT: c->is_draining = 1; break;
    default: break;
  }
}

#endif

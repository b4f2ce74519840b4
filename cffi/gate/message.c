/* Messages: lazy windows on C memory, which become empty when their event is over. */
#include "gate.h"

static PyTypeObject *ws_type;
#define http_type ((PyTypeObject *) gate_hooks.http) /* made in Python, of HttpBase below */

PyObject *text_of(struct mg_str s) {
  return PyUnicode_DecodeUTF8(s.buf == NULL ? "" : s.buf, (Py_ssize_t) s.len, "surrogateescape");
}

PyObject *bytes_of(struct mg_str s) {
  return PyBytes_FromStringAndSize(s.buf == NULL ? "" : s.buf, (Py_ssize_t) s.len);
}

/* Over when the event has ended, or when the receive buffer that it points into has moved. */
bool window_is_over(const MessageView *w) {
  return w->message == NULL || w->c == NULL || w->c->recv.buf != w->base;
}

void windows_end(ConnExtra *slot) {
  for (MessageView *w = slot->current; w != NULL; w = w->outer) w->message = NULL;
}

/* Where a manager keeps the object that all its messages of this type share, as long as no program
   keeps it; NULL for types that have none. */
static MessageView **spare_of(Core *m, PyTypeObject *type) {
  return type == http_type ? &m->spare_http : type == ws_type ? &m->spare_ws : NULL;
}

/* The payload of a message event. [GIL] */
PyObject *window_for_event(Core *m, struct mg_connection *c, int ev, void *ev_data) {
  PyTypeObject *type = ev <= MG_EV_WS_OPEN  ? http_type
                       : ev <= MG_EV_WS_CTL ? ws_type
                                            : (PyTypeObject *) gate_hooks.mqtt;
  MessageView **spare = spare_of(m, type), *w;
  if (spare != NULL && *spare != NULL && (*spare)->message == NULL) {
    w = *spare;
    Py_INCREF((PyObject *) w);
  } else {
    w = (MessageView *) PyObject_CallObject((PyObject *) type, NULL);
    if (w == NULL) return NULL;
    if (spare != NULL && *spare == NULL) {
      *spare = w;
      Py_INCREF((PyObject *) w);
    }
  }
  w->message = ev_data;
  w->c = c;
  w->base = c->recv.buf;
  ConnExtra *slot = slot_of(c);
  /* A shared object whose message is over may serve an event inside of its own. */
  if (slot->current != w) w->outer = slot->current;
  slot->current = w;
  return (PyObject *) w;
}

/* Empties the payload and gives it up. [GIL] */
void window_end(Core *m, PyObject *payload) {
  PyTypeObject *type = Py_TYPE(payload);
  if (type == http_type || type == ws_type || type == (PyTypeObject *) gate_hooks.mqtt) {
    MessageView *w = (MessageView *) payload, **spare = spare_of(m, type);
    if (w->view != NULL) {
      PyObject *r = PyObject_CallMethod(w->view, "end", "");
      if (r == NULL) gate_report(m);
      Py_XDECREF(r);
      Py_CLEAR(w->view);
    }
    w->message = NULL;
    w->c = NULL;
    w->outer = NULL;
    /* Two references are the manager's and ours; any other is a program that keeps it. */
    if (spare != NULL && w == *spare && Py_REFCNT(payload) > 2) Py_CLEAR(*spare);
  }
  Py_DECREF(payload);
}

static PyObject *window_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  (void) args, (void) kwargs;
  allocfunc alloc = (allocfunc) PyType_GetSlot(type, Py_tp_alloc);
  return alloc(type, 0);
}

static void window_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  Py_CLEAR(((MessageView *) self)->view);
  freefunc release = (freefunc) PyType_GetSlot(type, Py_tp_free);
  release(self);
  Py_DECREF((PyObject *) type);
}

static int window_bool(PyObject *self) {
  return !window_is_over((MessageView *) self);
}

/* WebSocket ---------------------------------------------------------------------------------- */

static struct mg_ws_message *ws(PyObject *self) {
  MessageView *w = (MessageView *) self;
  return window_is_over(w) ? NULL : (struct mg_ws_message *) w->message;
}

static const struct mg_str nothing = {NULL, 0};

static PyObject *ws_data(PyObject *self, void *unused) {
  struct mg_ws_message *m = ws(self);
  (void) unused;
  return bytes_of(m == NULL ? nothing : m->data);
}

static PyObject *ws_text(PyObject *self, void *unused) {
  struct mg_ws_message *m = ws(self);
  (void) unused;
  return text_of(m == NULL ? nothing : m->data);
}

static PyObject *ws_flags(PyObject *self, void *unused) {
  struct mg_ws_message *m = ws(self);
  (void) unused;
  return PyLong_FromLong(m == NULL ? 0 : m->flags);
}

static PyObject *ws_json(PyObject *self, PyObject *unused) {
  PyObject *json = PyImport_ImportModule("json"), *data = ws_data(self, NULL), *value = NULL;
  (void) unused;
  if (json != NULL && data != NULL) value = PyObject_CallMethod(json, "loads", "O", data);
  Py_XDECREF(json);
  Py_XDECREF(data);
  return value;
}

static PyMethodDef ws_methods[] = {
    {"json", ws_json, METH_NOARGS,
     "json($self)\n--\n\nThe payload as JSON has it: dicts, lists, texts. ValueError when it is no JSON."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef ws_properties[] = {
    {"data", ws_data, NULL, "Payload, copied; b'' when the event is over.", NULL},
    {"text", ws_text, NULL, "Payload as text; '' when the event is over.", NULL},
    {"flags", ws_flags, NULL, "First byte of the frame: 128 for FIN, plus the opcode.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

/* MQTT --------------------------------------------------------------------------------------- */

enum { MQTT_ID, MQTT_CMD, MQTT_QOS, MQTT_ACK };

static struct mg_mqtt_message *mqtt(PyObject *self) {
  MessageView *w = (MessageView *) self;
  return window_is_over(w) ? NULL : (struct mg_mqtt_message *) w->message;
}

static PyObject *mqtt_topic(PyObject *self, void *unused) {
  struct mg_mqtt_message *m = mqtt(self);
  (void) unused;
  return text_of(m == NULL ? nothing : m->topic);
}

static PyObject *mqtt_data(PyObject *self, void *unused) {
  struct mg_mqtt_message *m = mqtt(self);
  (void) unused;
  return bytes_of(m == NULL ? nothing : m->data);
}

static PyObject *mqtt_text(PyObject *self, void *unused) {
  struct mg_mqtt_message *m = mqtt(self);
  (void) unused;
  return text_of(m == NULL ? nothing : m->data);
}

static PyObject *mqtt_number(PyObject *self, void *which) {
  struct mg_mqtt_message *m = mqtt(self);
  if (m == NULL) return PyLong_FromLong(0);
  switch ((int) (intptr_t) which) {
    case MQTT_ID: return PyLong_FromLong(m->id);
    case MQTT_CMD: return PyLong_FromLong(m->cmd);
    case MQTT_QOS: return PyLong_FromLong(m->qos);
    default: return PyLong_FromLong(m->ack);
  }
}

/* The address of the native message, for what the Python half reads with cffi; 0 when over. */
static PyObject *window_address(PyObject *self, void *unused) {
  MessageView *w = (MessageView *) self;
  (void) unused;
  return PyLong_FromVoidPtr(window_is_over(w) ? NULL : w->message);
}

static PyGetSetDef mqtt_properties[] = {
    {"topic", mqtt_topic, NULL, "Topic; '' when the event is over.", NULL},
    {"data", mqtt_data, NULL, "Payload, copied.", NULL},
    {"text", mqtt_text, NULL, "Payload as text.", NULL},
    {"id", mqtt_number, NULL, "Packet id.", (void *) MQTT_ID},
    {"cmd", mqtt_number, NULL, "Packet type: 1 CONNECT, 3 PUBLISH, ...", (void *) MQTT_CMD},
    {"qos", mqtt_number, NULL, "Quality of service.", (void *) MQTT_QOS},
    {"ack", mqtt_number, NULL, "Reason or return code.", (void *) MQTT_ACK},
    {"_address", window_address, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

/* Types -------------------------------------------------------------------------------------- */

#define WINDOW_SLOTS                                                                       \
  {Py_tp_new, (void *) (uintptr_t) window_new},                                            \
      {Py_tp_dealloc, (void *) (uintptr_t) window_dealloc},                                \
      {Py_nb_bool, (void *) (uintptr_t) window_bool}

extern PyMethodDef http_methods[];
extern PyGetSetDef http_properties[];

static PyType_Slot http_slots[] = {WINDOW_SLOTS,
                                   {Py_tp_methods, http_methods},
                                   {Py_tp_getset, http_properties},
                                   {Py_tp_doc, "An HTTP request or response, valid during its event."},
                                   {0, NULL}};

static PyType_Slot ws_slots[] = {WINDOW_SLOTS,
                                 {Py_tp_methods, ws_methods},
                                 {Py_tp_getset, ws_properties},
                                 {Py_tp_doc, "A WebSocket message, valid during its event."},
                                 {0, NULL}};

static PyType_Slot mqtt_slots[] = {WINDOW_SLOTS,
                                   {Py_tp_getset, mqtt_properties},
                                   {Py_tp_doc, "An MQTT packet, valid during its event."},
                                   {0, NULL}};

static PyTypeObject *make_type(PyObject *module, const char *name, PyType_Slot *slots,
                               unsigned flags) {
  PyType_Spec spec = {name, sizeof(MessageView), 0, Py_TPFLAGS_DEFAULT | flags, slots};
  PyTypeObject *type = (PyTypeObject *) PyType_FromSpec(&spec);
  if (type == NULL) return NULL;
  Py_INCREF((PyObject *) type);
  const char *short_name = strrchr(name, '.') + 1;
  return PyModule_AddObject(module, short_name, (PyObject *) type) == 0 ? type : NULL;
}

int message_setup(PyObject *module) {
  PyTypeObject *http_base = make_type(module, "pymongoose.HttpBase", http_slots, Py_TPFLAGS_BASETYPE);
  ws_type = make_type(module, "pymongoose.WsMessage", ws_slots, 0);
  PyTypeObject *mqtt_type = make_type(module, "pymongoose.MqttBase", mqtt_slots, Py_TPFLAGS_BASETYPE);
  return http_base == NULL || ws_type == NULL || mqtt_type == NULL ? -1 : 0;
}

/* WebSockets of the ASGI server: the handshake, which the application accepts or denies, and messages. */
#include "serve.h"

#define QUEUED_MAX (256 * 1024) /* bytes of messages that may wait for the application */
#define QUEUED_LOW (64 * 1024)  /* at which reading resumes */
#define MESSAGE_COST 512        /* what a message takes beside its bytes */
#define REASON_MAX 123 /* RFC 6455, 5.5 */

static PyObject *deque, *append_name, *popleft_name;
static PyObject *connect_type, *receive_type, *disconnect_type;
static PyObject *accept_type, *send_type, *close_type, *deny_type, *deny_body_type;

/* Handshake ----------------------------------------------------------------------------------- */

bool socket_is_asked_for(const struct mg_http_message *hm) {
  struct mg_http_message *m = (struct mg_http_message *) (uintptr_t) hm;
  if (mg_http_get_header(m, "Upgrade") == NULL) return false;
  return head_has_token(hm, "Upgrade", "websocket") && head_has_token(hm, "Connection", "upgrade");
}

int socket_refusal(struct mg_http_message *hm) {
  const struct mg_str *version = mg_http_get_header(hm, "Sec-WebSocket-Version");
  const struct mg_str *key = mg_http_get_header(hm, "Sec-WebSocket-Key");
  char nonce[32];
  if (mg_strcmp(hm->method, mg_str("GET")) != 0 || mg_strcmp(hm->proto, mg_str("HTTP/1.1")) != 0) return 400;
  if (version == NULL || mg_strcmp(*version, mg_str("13")) != 0) return 426;
  if (key == NULL || key->len != 24) return 400;
  return mg_base64_decode(key->buf, key->len, nonce, sizeof(nonce)) == 16 ? 0 : 400;
}

/* The request itself is over when the application accepts. */
int socket_prepare(Exchange *x, struct mg_http_message *hm) {
  static const char *const needed[] = {"Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Extensions"};
  Lines lines = lines_of(hm);
  struct mg_str name, value;
  PyObject *head = PyBytes_FromString("GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
  while (head != NULL && lines_next(&lines, &name, &value)) {
    bool is_needed = false;
    for (int i = 0; i < 3; i++) is_needed |= is_name(name, needed[i]);
    if (!is_needed) continue;
    PyObject *line = PyBytes_FromStringAndSize(name.buf, (Py_ssize_t) (value.buf + value.len - name.buf));
    PyObject *end = PyBytes_FromString("\r\n");
    PyBytes_ConcatAndDel(&head, line);
    if (head != NULL) PyBytes_ConcatAndDel(&head, end);
  }
  if (head != NULL) PyBytes_ConcatAndDel(&head, PyBytes_FromString("\r\n"));
  x->head = head;
  x->incoming = head == NULL ? NULL : PyObject_CallObject(deque, NULL);
  return x->incoming == NULL ? -1 : 0;
}

static int accept_socket(Exchange *x, PyObject *message) {
  PyObject *headers = item_of(message, T(headers)), *protocol = item_of(message, T(subprotocol));
  if (PyErr_Occurred()) return -1;
  PyObject *list = headers == NULL || headers == Py_None ? PyList_New(0) : PySequence_List(headers);
  if (list != NULL && protocol != NULL && protocol != Py_None) {
    PyObject *pair = Py_BuildValue("(yN)", "Sec-WebSocket-Protocol", PyUnicode_AsUTF8String(protocol));
    if (pair == NULL || PyList_Append(list, pair) != 0) Py_CLEAR(list);
    Py_XDECREF(pair);
  }
  PyObject *block = list == NULL ? NULL : header_block(list);
  Py_XDECREF(list);
  if (block == NULL) return -1;
  struct mg_http_message hm;
  const char *head = PyBytes_AsString(x->head);
  mg_http_parse(head, (size_t) PyBytes_Size(x->head), &hm);
  mg_ws_upgrade(x->c, &hm, "%s", PyBytes_AsString(block));
  Py_DECREF(block);
  x->socket = SOCKET_OPEN;
  return 0;
}

/* Messages of the application ------------------------------------------------------------------- */

static int send_data(Exchange *x, PyObject *message) {
  PyObject *text = item_of(message, T(text)), *binary = item_of(message, T(bytes));
  Data data;
  bool is_text = text != NULL && text != Py_None;
  if (PyErr_Occurred()) return -1;
  if (is_text == (binary != NULL && binary != Py_None)) {
    PyErr_SetString(PyExc_ValueError, "websocket.send has either text or bytes");
    return -1;
  }
  if (PyUnicode_Check(is_text ? text : binary) != is_text) {
    PyErr_SetString(PyExc_TypeError, "text is str, bytes are bytes");
    return -1;
  }
  if (data_from(is_text ? text : binary, &data) != 0) return -1;
  mg_ws_send(x->c, data.bytes, data.length, is_text ? WEBSOCKET_OP_TEXT : WEBSOCKET_OP_BINARY);
  Py_XDECREF(data.owner);
  return 0;
}

static void send_close(Exchange *x, int code, const char *reason, size_t length) {
  char frame[2 + REASON_MAX];
  frame[0] = (char) (code >> 8), frame[1] = (char) code;
  if (length > 0) memcpy(frame + 2, reason, length);
  mg_ws_send(x->c, frame, length + 2, WEBSOCKET_OP_CLOSE);
  x->socket = SOCKET_CLOSING;
}

/* A response in place of the WebSocket. */
static int deny(Exchange *x, int status) {
  Response *r = &x->response;
  if (response_status(r, status, NULL, 0) != 0 || response_begin(r) != 0) return -1;
  return exchange_write(x, NULL, true);
}

static int close_socket(Exchange *x, PyObject *message) {
  PyObject *number = item_of(message, T(code)), *text = item_of(message, T(reason));
  if (PyErr_Occurred()) return -1;
  int code = 1000;
  Py_ssize_t length = 0;
  const char *reason = "";
  if (x->socket == SOCKET_CONNECTING) return deny(x, 403);
  if (number != NULL && number != Py_None && int_from(number, &code) != 0) return -1;
  if (text != NULL && text != Py_None && (reason = PyUnicode_AsUTF8AndSize(text, &length)) == NULL) return -1;
  if (code < 1000 || code > 4999 || code == 1004 || code == 1005 || code == 1006 || code == 1015) {
    PyErr_Format(PyExc_ValueError, "%d is no code that can be sent", code);
    return -1;
  }
  if (length > REASON_MAX) {
    PyErr_SetString(PyExc_ValueError, "the reason is longer than 123 bytes");
    return -1;
  }
  send_close(x, code, reason, (size_t) length);
  return 0;
}

static int start_denial(Exchange *x, PyObject *message) {
  Response *r = &x->response;
  PyObject *status = item_of(message, T(status));
  int code;
  if (status == NULL && !PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, T(status));
  if (status == NULL || int_from(status, &code) != 0) return -1;
  if (response_status(r, code, NULL, 0) == 0 && add_headers(r, item_of(message, T(headers))) == 0 &&
      response_begin(r) == 0) {
    x->socket = SOCKET_DENYING;
    return 0;
  }
  response_reset(r);
  return -1;
}

static int continue_denial(Exchange *x, PyObject *message) {
  PyObject *body = item_of(message, T(body)), *more = item_of(message, T(more_body));
  if (PyErr_Occurred()) return -1;
  int goes_on = more == NULL ? 0 : PyObject_IsTrue(more);
  return goes_on < 0 ? -1 : exchange_write(x, body, goes_on == 0);
}

int socket_message(Exchange *x, PyObject *type, PyObject *message, bool *waits) {
  bool is_send = is_text(type, send_type), is_close = !is_send && is_text(type, close_type);
  bool is_accept = !is_send && is_text(type, accept_type), is_denial = !is_send && is_text(type, deny_type);
  bool is_body = !is_send && is_text(type, deny_body_type);
  int result;
  if (!is_send && !is_close && !is_accept && !is_denial && !is_body) {
    return wrong_state(x, type, "no message of a WebSocket");
  }
  if (x->disconnected && !x->finished) {
    if (!is_send) return 0;
    PyErr_SetString(x->server->client_disconnected, "the client closed the connection");
    return -1;
  }
  if (x->finished) return wrong_state(x, type, "the WebSocket was denied");
  if (x->socket == SOCKET_CLOSING) return wrong_state(x, type, "the application has closed the WebSocket");
  if (x->socket == SOCKET_OPEN && !is_send && !is_close) return wrong_state(x, type, "the WebSocket is open");
  if (x->socket == SOCKET_DENYING && !is_body) return wrong_state(x, type, "a denial has begun");
  if (x->socket == SOCKET_CONNECTING && (is_send || is_body)) {
    return wrong_state(x, type, is_send ? "the WebSocket is not accepted" : "no denial has begun");
  }
  if (is_denial) return start_denial(x, message);
  if (!exchange_enter(x)) return 0;
  Core *m = x->server->core;
  if (is_send) {
    result = send_data(x, message);
  } else if (is_accept) {
    result = accept_socket(x, message);
  } else {
    result = is_close ? close_socket(x, message) : continue_denial(x, message);
  }
  *waits = x->c != NULL && x->c->send.len > HIGH_WATER;
  if (*waits) slot_of(x->c)->also |= EVENT(MG_EV_WRITE);
  return exchange_leave(x, m) != 0 ? -1 : result;
}

void socket_end(Exchange *x, int code) {
  if (x->disconnected || x->finished || x->socket == SOCKET_CLOSING || !exchange_enter(x)) return;
  Core *m = x->server->core;
  if (x->socket == SOCKET_OPEN) {
    send_close(x, code, NULL, 0);
  } else if (deny(x, code == 1011 ? 500 : 403) != 0) {
    PyErr_WriteUnraisable((PyObject *) x);
  }
  if (exchange_leave(x, m) != 0) PyErr_WriteUnraisable((PyObject *) x);
}

/* Messages for the application ------------------------------------------------------------------- */

static void arrived(Exchange *x, const struct mg_ws_message *m) {
  bool is_text = (m->flags & 15) == WEBSOCKET_OP_TEXT;
  PyObject *data = is_text ? text_of(m->data) : bytes_of(m->data);
  PyObject *message = data == NULL ? NULL : PyDict_New();
  if (message != NULL && PyDict_SetItem(message, T(type), receive_type) == 0 &&
      PyDict_SetItem(message, is_text ? T(text) : T(bytes), data) == 0) {
    Py_XDECREF(PyObject_CallMethodObjArgs(x->incoming, append_name, message, NULL));
  }
  x->queued += m->data.len + MESSAGE_COST;
  if (x->queued >= QUEUED_MAX) x->c->is_full = 1; /* The client has to wait. */
  Py_XDECREF(message);
  Py_XDECREF(data);
  exchange_wake(&x->receiver);
}

void socket_event(Exchange *x, int ev, void *ev_data) {
  const struct mg_ws_message *m = ev_data;
  if (ev == MG_EV_WS_MSG) {
    if (x->socket == SOCKET_OPEN) arrived(x, m);
  } else if (ev == MG_EV_WS_CTL && (m->flags & 15) == WEBSOCKET_OP_CLOSE) {
    const unsigned char *payload = (const unsigned char *) m->data.buf;
    x->code = m->data.len >= 2 ? payload[0] << 8 | payload[1] : 1005;
    Py_XDECREF(x->reason);
    x->reason = NULL;
    if (m->data.len > 2) {
      x->reason = PyUnicode_DecodeUTF8(m->data.buf + 2, (Py_ssize_t) m->data.len - 2, "replace");
    }
  }
}

/* Takes the oldest message out of the queue. */
static PyObject *next_message(Exchange *x) {
  PyObject *message = PyObject_CallMethodObjArgs(x->incoming, popleft_name, NULL);
  PyObject *data = message == NULL ? NULL : PyDict_GetItemWithError(message, T(bytes));
  size_t length = 0;
  if (data != NULL) {
    length = (size_t) PyBytes_Size(data);
  } else if (message != NULL && (data = PyDict_GetItemWithError(message, T(text))) != NULL) {
    Py_ssize_t n = 0;
    length = PyUnicode_AsUTF8AndSize(data, &n) == NULL ? 0 : (size_t) n;
    PyErr_Clear();
  }
  length += MESSAGE_COST;
  x->queued = length > x->queued ? 0 : x->queued - length;
  if (x->queued <= QUEUED_LOW && x->c != NULL && x->c->is_full && exchange_enter(x)) {
    Core *m = x->server->core;
    x->c->is_full = 0;
    if (exchange_leave(x, m) != 0) Py_CLEAR(message);
  }
  return message;
}

int socket_attempt(PyObject *self, PyObject **value, PyObject **future) {
  Exchange *x = (Exchange *) self;
  (void) future;
  if (!x->connected) {
    x->connected = true;
    *value = Py_BuildValue("{OO}", T(type), connect_type);
    return *value == NULL ? -1 : 1;
  }
  if (PyObject_Size(x->incoming) > 0) {
    *value = next_message(x);
    return *value == NULL ? -1 : 1;
  }
  if (!x->disconnected && !x->finished) return 0;
  PyObject *reason = x->reason;
  if (reason != NULL) {
    Py_INCREF(reason);
  } else {
    reason = PyUnicode_FromString("");
  }
  *value = Py_BuildValue("{OOOisN}", T(type), disconnect_type, T(code), x->code, "reason", reason);
  return *value == NULL ? -1 : 1;
}

int socket_setup(void) {
  PyObject *collections = PyImport_ImportModule("collections");
  deque = collections == NULL ? NULL : PyObject_GetAttrString(collections, "deque");
  Py_XDECREF(collections);
  append_name = PyUnicode_InternFromString("append");
  popleft_name = PyUnicode_InternFromString("popleft");
  connect_type = PyUnicode_InternFromString("websocket.connect");
  receive_type = PyUnicode_InternFromString("websocket.receive");
  disconnect_type = PyUnicode_InternFromString("websocket.disconnect");
  accept_type = PyUnicode_InternFromString("websocket.accept");
  send_type = PyUnicode_InternFromString("websocket.send");
  close_type = PyUnicode_InternFromString("websocket.close");
  deny_type = PyUnicode_InternFromString("websocket.http.response.start");
  deny_body_type = PyUnicode_InternFromString("websocket.http.response.body");
  return deque == NULL || deny_body_type == NULL ? -1 : 0;
}

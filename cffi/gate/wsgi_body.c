/* Bodies of requests that the WSGI server takes over: long ones, and those in chunks. They are kept in
 * memory or in a temporary file until they are complete. */
#include "wsgi.h"

#include <stdlib.h>
#include <unistd.h>

/* Gives the file of a body back: who releases the job last may not have the GIL. */
void wsgi_close_file(Job *job) {
  if (job->file == NULL) return;
  PyObject *done = PyObject_CallMethodObjArgs(job->file, T(close), NULL);
  if (done == NULL) PyErr_WriteUnraisable(job->file);
  Py_XDECREF(done);
  Py_CLEAR(job->file);
}

void wsgi_take_head(Wsgi *service, struct mg_connection *c, struct mg_http_message *hm) {
  const struct mg_str *coding = mg_http_get_header(hm, "Transfer-Encoding");
  size_t have = (size_t) ((const char *) c->recv.buf + c->recv.len - hm->body.buf);
  if (coding != NULL) {
    if (!is_name(*coding, "chunked") || mg_strcmp(hm->proto, mg_str("HTTP/1.1")) != 0) return;
    if (mg_http_get_header(hm, "Content-Length") != NULL || body_is_whole(hm->body.buf, have)) return;
  } else if (hm->body.len <= have || hm->body.len <= service->longest ||
             (service->max_body > 0 && hm->body.len > service->max_body)) {
    return;
  }
  Job *job = wsgi_begin(service, c, hm, true);
  if (job == NULL) return;
  job->engine = c->pfn;
  job->source.kind = coding != NULL ? BODY_CHUNKED : BODY_LENGTH;
  job->source.left = coding != NULL ? 0 : hm->body.len;
  job->source.limit = service->max_body;
  bool keeps = head_has_token(hm, "Connection", "keep-alive");
  if (head_has_token(hm, "Connection", "close") || (job->response.is_old && !keeps)) job->response.closes = true;
  slot_of(c)->also = EVENT(MG_EV_READ) | EVENT(MG_EV_ERROR);
  mg_iobuf_del(&c->recv, 0, hm->head.len);
}

/* The request cannot be served. */
static void refuse(Job *job, int status) {
  struct mg_connection *c = job->c;
  Response r;
  response_init(&r, c, &job->hm);
  r.closes = true;
  response_fail(&r, c, status);
  response_free(&r);
  c->recv.len = 0;
  wsgi_close_file(job);
  wsgi_detach(job);
}

static bool to_file(Job *job, const char *data, size_t length) {
  if (job->file == NULL) {
    job->file = PyObject_CallObject(job->service->temporary_file, NULL);
    job->fd = job->file == NULL ? -1 : PyObject_AsFileDescriptor(job->file);
    if (job->fd < 0 || (job->body_length > 0 && !to_file(job, job->body, job->body_length))) {
      if (PyErr_Occurred()) PyErr_Print();
      return false;
    }
    free(job->body);
    job->body = NULL;
    job->body_length = job->body_room = 0;
  }
  while (length > 0) {
    ssize_t n = write(job->fd, data, length);
    if (n <= 0) return false;
    data += n;
    length -= (size_t) n;
  }
  return true;
}

static bool keep(Job *job, const char *data, size_t length) {
  if (job->file != NULL || job->body_length + length > job->service->longest) return to_file(job, data, length);
  if (job->body_length + length > job->body_room) {
    size_t room = (job->body_length + length) * 2;
    char *grown = realloc(job->body, room);
    if (grown == NULL) return false;
    job->body = grown;
    job->body_room = room;
  }
  memcpy(job->body + job->body_length, data, length);
  job->body_length += length;
  return true;
}

/* Takes what has come of a body; runs the application when it is complete. [GIL, lock] */
void wsgi_read_body(Job *job) {
  PyObject *piece = NULL;
  struct mg_connection *c = job->c;
  int found = body_take(&job->source, c, &piece);
  if (found == TAKE_MALFORMED || found == TAKE_TOO_LONG) {
    refuse(job, found == TAKE_MALFORMED ? 400 : 413);
    return;
  }
  bool ok = found != TAKE_ERROR;
  if (piece != NULL) ok = keep(job, PyBytes_AsString(piece), (size_t) PyBytes_Size(piece));
  Py_XDECREF(piece);
  if (!ok) {
    PyErr_Clear();
    refuse(job, 500);
    return;
  }
  if (job->source.kind != BODY_DONE) return;
  slot_of(c)->also = 0;
  c->pfn = job->engine;
  c->is_resp = 1;
  if (job->file != NULL) lseek(job->fd, 0, SEEK_SET);
  if (job->service->threads > 0) {
    wsgi_enqueue(job);
    wsgi_watch(job->service);
  } else {
    wsgi_run_here(job, true);
  }
}

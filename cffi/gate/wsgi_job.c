/* Requests of the WSGI server and their responses. wsgi.h says which threads do what. */
#include "wsgi.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

uint64_t job_clock(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

/* Moves the views of a message that was copied. */
static void rebase(struct mg_http_message *hm, const char *from, char *to) {
  struct mg_str *views[] = {&hm->method, &hm->uri, &hm->query, &hm->proto, &hm->body, &hm->head, &hm->message};
  for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++) {
    if (views[i]->buf != NULL) views[i]->buf = to + (views[i]->buf - from);
  }
}

Job *job_new(Wsgi *service, struct mg_connection *c, struct mg_http_message *hm, bool copies) {
  Job *job = calloc(1, sizeof(*job));
  if (job == NULL) return NULL;
  job->hm = *hm;
  if (copies) {
    size_t have = (size_t) ((const char *) c->recv.buf + c->recv.len - hm->head.buf);
    size_t size = hm->head.len + (hm->body.len < have - hm->head.len ? hm->body.len : have - hm->head.len);
    job->request = malloc(size + 1);
    if (job->request == NULL) {
      free(job);
      return NULL;
    }
    memcpy(job->request, hm->head.buf, size);
    rebase(&job->hm, hm->head.buf, job->request);
  }
  job->service = service;
  job->refs = 1;
  job->c = c;
  job->id = c->id;
  job->fd = -1;
  job->peer = c->rem;
  job->port = c->loc.port;
  job->is_tls = c->is_tls;
  job->in_chunks = mg_http_get_header(hm, "Transfer-Encoding") != NULL;
  pthread_mutex_init(&job->mutex, NULL);
  pthread_cond_init(&job->moved, NULL);
  response_init(&job->response, c, hm);
  if (service->threads > 0) job->response.out = &job->out;
  if (service->core->stopping) job->response.closes = true;
  job->all_next = service->all;
  job->all_link = &service->all;
  if (job->all_next != NULL) job->all_next->all_link = &job->all_next;
  service->all = job;
  return job;
}

/* The last reference goes with the GIL held, or there are no Python objects. */
void job_release(Job *job) {
  if (job == NULL || atomic_fetch_sub(&job->refs, 1) > 1) return;
  response_free(&job->response);
  Py_XDECREF(job->file);
  free(job->request);
  free(job->body);
  free(job->out.data);
  free(job->held);
  pthread_cond_destroy(&job->moved);
  pthread_mutex_destroy(&job->mutex);
  free(job);
}

/* Output --------------------------------------------------------------------------------------- */

void job_publish(Job *job) {
  Wsgi *service = job->service;
  if (service->threads == 0) return;
  pthread_mutex_lock(&service->mutex);
  bool listed = job->has_output;
  if (!listed) {
    job->has_output = true;
    job->next = NULL;
    *service->output_end = job;
    service->output_end = &job->next;
    atomic_fetch_add(&job->refs, 1);
  }
  pthread_mutex_unlock(&service->mutex);
  if (!listed && service->core->sleeping) core_interrupt(service->core);
}

static const char *write_out(Job *job, const char *data, size_t length, bool last) {
  const char *wrong = response_write(&job->response, job->c, data, length, last);
  if (job->response.out == NULL) {
    job->queued = job->c == NULL ? 0 : job->c->send.len;
  } else {
    job->queued += length;
  }
  return wrong;
}

int job_begin_stream(Job *job) {
  const char *wrong = write_out(job, job->held, job->held_length, false);
  free(job->held);
  job->held = NULL;
  job->held_length = job->held_room = 0;
  if (wrong == NULL) return 0;
  job->disconnected = true;
  return -1;
}

static int raise_wrong(const char *wrong) {
  if (wrong == NULL) return 0;
  PyErr_SetString(PyExc_RuntimeError, wrong);
  return -1;
}

static bool hold(Job *job, const char *data, size_t length) {
  if (job->held_length + length > job->held_room) {
    size_t room = (job->held_length + length) * 2;
    char *grown = realloc(job->held, room);
    if (grown == NULL) return false;
    job->held = grown;
    job->held_room = room;
  }
  if (job->held_length == 0) job->held_since = job_clock();
  memcpy(job->held + job->held_length, data, length);
  job->held_length += length;
  return true;
}

int job_hold(Job *job, const char *data, size_t length) {
  const char *wrong = NULL;
  bool publish = false;
  if (job->response.state == RESPONSE_NEW) return raise_wrong("output before start_response");
  if (length == 0) return job->disconnected;
  pthread_mutex_lock(&job->mutex);
  Response *r = &job->response;
  bool disconnected = job->disconnected;
  if (disconnected) {
    /* It is discarded. */
  } else if (r->state == RESPONSE_HELD && response_is_bodiless(r)) {
    job->held_length += length; /* It only counts. */
  } else if (r->state == RESPONSE_HELD && job->held_length + length < STREAM_FROM &&
             !(r->has_length && job->held_length + length > r->left)) {
    if (!hold(job, data, length)) wrong = "there is no memory for the response";
  } else {
    if (r->state == RESPONSE_HELD) wrong = job_begin_stream(job) == 0 ? NULL : "the response cannot be sent";
    if (wrong == NULL) wrong = write_out(job, data, length, false);
    publish = true;
  }
  pthread_mutex_unlock(&job->mutex);
  if (publish) job_publish(job);
  return wrong != NULL ? raise_wrong(wrong) : disconnected;
}

int job_finish(Job *job) {
  if (job->response.state == RESPONSE_NEW) return raise_wrong("the application did not call start_response");
  pthread_mutex_lock(&job->mutex);
  const char *wrong = NULL;
  if (!job->disconnected && job->response.state != RESPONSE_DONE) {
    wrong = write_out(job, job->held, job->held_length, true);
    job->held_length = 0;
  }
  pthread_mutex_unlock(&job->mutex);
  job_publish(job);
  return raise_wrong(wrong);
}

void job_fail(Job *job) {
  pthread_mutex_lock(&job->mutex);
  job->held_length = 0;
  if (!job->disconnected && (job->c != NULL || job->response.out != NULL)) response_fail(&job->response, job->c, 500);
  pthread_mutex_unlock(&job->mutex);
  job_publish(job);
}

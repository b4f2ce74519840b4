/* Bodies of requests that come while the application runs: taken out of the receive buffer piece by
 * piece, and freed from their chunk framing. */
#include "serve.h"

#define HELD (256 * 1024)    /* bytes that may wait for the application; then reading stops */
#define SIZE_LINE 4096       /* bytes of a chunk's first line, extensions included */
#define TRAILERS (64 * 1024) /* bytes of all trailer lines */

static void set_full(Body *b, struct mg_connection *c, bool full) {
  if (b->full == full) return;
  b->full = full;
  c->is_full = full;
}

void body_hold(Body *b, struct mg_connection *c) {
  bool wants = b->kind == BODY_LENGTH || b->kind == BODY_CHUNKED;
  set_full(b, c, wants && c->recv.len >= HELD);
}

/* The length of the line at `at`, line end included; 0: there is none yet. */
static size_t line_at(const char *at, const char *end) {
  const char *newline = memchr(at, '\n', (size_t) (end - at));
  return newline == NULL ? 0 : (size_t) (newline + 1 - at);
}

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = (char) (c | 32);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The size in a chunk's first line; false when there is none. */
static bool chunk_size(const char *line, size_t length, uint64_t *size) {
  size_t n = 0;
  *size = 0;
  if (length < 2 || line[length - 2] != '\r') return false;
  for (; n < length && digit(line[n]) >= 0; n++) {
    if (n == 8) return false;
    *size = *size * 16 + (uint64_t) digit(line[n]);
  }
  if (n == 0) return false;
  while (line[n] == ' ' || line[n] == '\t') n++;
  return line[n] == ';' || line[n] == '\r';
}

/* What precedes the next data. TAKE_PIECE: data may follow, or the body has ended. */
static int pass_framing(Body *b, const char **at, const char *end) {
  while (b->place != CHUNK_DATA && b->kind != BODY_DONE) {
    size_t n = line_at(*at, end), limit = b->place == CHUNK_SIZE ? SIZE_LINE : TRAILERS;
    if (n == 0) return (size_t) (end - *at) > limit ? TAKE_MALFORMED : TAKE_WAIT;
    if (n > limit) return TAKE_MALFORMED;
    if (b->place == CHUNK_SIZE) {
      if (!chunk_size(*at, n, &b->left)) return TAKE_MALFORMED;
      b->place = b->left == 0 ? CHUNK_TRAILER : CHUNK_DATA;
    } else if (b->place == CHUNK_END) {
      if (n != 2 || **at != '\r') return TAKE_MALFORMED;
      b->place = CHUNK_SIZE;
    } else {
      b->trailer += n;
      if (b->trailer > TRAILERS) return TAKE_MALFORMED;
      if (n == 1 || (n == 2 && **at == '\r')) b->kind = BODY_DONE;
    }
    *at += n;
  }
  return TAKE_PIECE;
}

/* Moves data to `to`, as much as there is. */
static int decode(Body *b, const char **at, const char *end, char **to) {
  for (;;) {
    if (b->kind == BODY_CHUNKED) {
      int found = pass_framing(b, at, end);
      if (found != TAKE_PIECE) return found;
    }
    if (b->kind == BODY_DONE || *at == end) return TAKE_WAIT;
    size_t n = (size_t) (end - *at);
    if (n > b->left) n = (size_t) b->left;
    if (b->limit > 0 && b->taken + n > b->limit) return TAKE_TOO_LONG;
    memcpy(*to, *at, n);
    *to += n;
    *at += n;
    b->left -= n;
    b->taken += n;
    if (b->left == 0 && b->kind == BODY_LENGTH) b->kind = BODY_DONE;
    if (b->left == 0 && b->kind == BODY_CHUNKED) b->place = CHUNK_END;
  }
}

int body_take(Body *b, struct mg_connection *c, PyObject **piece) {
  if (b->kind == BODY_DONE) return TAKE_WAIT;
  size_t have = c->recv.len;
  if (b->kind == BODY_LENGTH && b->left < have) have = (size_t) b->left;
  PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t) have);
  if (bytes == NULL) return TAKE_ERROR;
  const char *start = (const char *) c->recv.buf, *at = start;
  char *first = PyBytes_AsString(bytes), *to = first;
  int outcome = have == 0 ? TAKE_WAIT : decode(b, &at, at + have, &to);
  mg_iobuf_del(&c->recv, 0, (size_t) (at - start));
  set_full(b, c, false);
  size_t n = (size_t) (to - first);
  if (outcome < 0 || (n == 0 && b->kind != BODY_DONE)) {
    Py_DECREF(bytes);
    return outcome;
  }
  if (n < have) {
    *piece = PyBytes_FromStringAndSize(first, (Py_ssize_t) n);
    Py_DECREF(bytes);
    return *piece == NULL ? TAKE_ERROR : TAKE_PIECE;
  }
  *piece = bytes;
  return TAKE_PIECE;
}

bool body_is_whole(const char *chunks, size_t length) {
  Body b = {BODY_CHUNKED, CHUNK_SIZE, 0, 0, 0, 0, false};
  const char *at = chunks, *end = chunks + length;
  for (;;) {
    int found = pass_framing(&b, &at, end);
    if (found != TAKE_PIECE) return found < 0;
    if (b.kind == BODY_DONE) return true;
    if ((uint64_t) (end - at) <= b.left) return false;
    at += b.left;
    b.place = CHUNK_END;
  }
}

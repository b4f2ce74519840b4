// System calls fail, with each error that their manual pages name, once or from then on. Nothing
// crashes, nothing is left open, each connection that was opened is closed once, nobody spins.
//
// The program's own definitions of these calls come first, also for the library.
#define OWN_SOCKET
#include "counting.h"

#include <sys/epoll.h>
#include <sys/syscall.h>

enum call { RECV, SEND, RECVFROM, SENDTO, ACCEPT, CONNECT, SOCKET, BIND, LISTEN, GETSOCKNAME, GETSOCKOPT, SETSOCKOPT,
            EPOLL_CREATE, EPOLL_CTL, EPOLL_WAIT, EVENTFD, CALLS };

static const char *const names[CALLS] = {"recv", "send", "recvfrom", "sendto", "accept", "connect", "socket", "bind",
                                         "listen", "getsockname", "getsockopt", "setsockopt", "epoll_create",
                                         "epoll_ctl", "epoll_wait", "eventfd"};

static bool armed, lasting;
static enum call target;
static int error, countdown, hits;

// True when this call has to fail.
static bool fails(enum call call) {
  if (!armed || call != target) return false;
  if (countdown > 0 && --countdown > 0) return false;
  if (!lasting && hits > 0) return false;
  hits++;
  errno = error;
  return true;
}

ssize_t recv(int fd, void *buf, size_t len, int flags) {
  return fails(RECV) ? -1 : syscall(SYS_recvfrom, fd, buf, len, flags, NULL, NULL);
}
ssize_t send(int fd, const void *buf, size_t len, int flags) {
  return fails(SEND) ? -1 : syscall(SYS_sendto, fd, buf, len, flags, NULL, 0);
}
ssize_t recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *from, socklen_t *size) {
  return fails(RECVFROM) ? -1 : syscall(SYS_recvfrom, fd, buf, len, flags, from, size);
}
ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to, socklen_t size) {
  return fails(SENDTO) ? -1 : syscall(SYS_sendto, fd, buf, len, flags, to, size);
}
int accept4(int fd, struct sockaddr *from, socklen_t *size, int flags);
int accept4(int fd, struct sockaddr *from, socklen_t *size, int flags) {
  return fails(ACCEPT) ? -1 : (int) syscall(SYS_accept4, fd, from, size, flags);
}
int connect(int fd, const struct sockaddr *to, socklen_t size) {
  return fails(CONNECT) ? -1 : (int) syscall(SYS_connect, fd, to, size);
}
int socket(int domain, int type, int protocol) {
  return fails(SOCKET) ? -1 : (int) syscall(SYS_socket, domain, type, protocol);
}
int bind(int fd, const struct sockaddr *to, socklen_t size) {
  return fails(BIND) ? -1 : (int) syscall(SYS_bind, fd, to, size);
}
int listen(int fd, int backlog) {
  return fails(LISTEN) ? -1 : (int) syscall(SYS_listen, fd, backlog);
}
int getsockname(int fd, struct sockaddr *addr, socklen_t *size) {
  return fails(GETSOCKNAME) ? -1 : (int) syscall(SYS_getsockname, fd, addr, size);
}
int getsockopt(int fd, int level, int name, void *value, socklen_t *size) {
  return fails(GETSOCKOPT) ? -1 : (int) syscall(SYS_getsockopt, fd, level, name, value, size);
}
int setsockopt(int fd, int level, int name, const void *value, socklen_t size) {
  return fails(SETSOCKOPT) ? -1 : (int) syscall(SYS_setsockopt, fd, level, name, value, size);
}
int epoll_create1(int flags) {
  return fails(EPOLL_CREATE) ? -1 : (int) syscall(SYS_epoll_create1, flags);
}
int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event) {
  return fails(EPOLL_CTL) ? -1 : (int) syscall(SYS_epoll_ctl, epfd, op, fd, event);
}
int epoll_wait(int epfd, struct epoll_event *events, int max, int ms) {
  return fails(EPOLL_WAIT) ? -1 : (int) syscall(SYS_epoll_pwait, epfd, events, max, ms, NULL, 8);
}
int eventfd(unsigned int value, int flags);
int eventfd(unsigned int value, int flags) {
  return fails(EVENTFD) ? -1 : (int) syscall(SYS_eventfd2, value, flags);
}

static const struct {
  enum call call;
  int errors[20];
} faults[] = {
    {RECV, {EAGAIN, EBADF, ECONNREFUSED, ECONNRESET, EFAULT, EINTR, EINVAL, ENOMEM, ENOTCONN, ENOTSOCK, ETIMEDOUT}},
    {RECVFROM, {EAGAIN, EBADF, ECONNREFUSED, EFAULT, EINTR, EINVAL, ENOMEM, ENOTCONN, ENOTSOCK, EHOSTUNREACH}},
    {SEND, {EACCES, EAGAIN, EALREADY, EBADF, ECONNRESET, EDESTADDRREQ, EFAULT, EINTR, EINVAL, EISCONN, EMSGSIZE,
            ENOBUFS, ENOMEM, ENOTCONN, ENOTSOCK, EOPNOTSUPP, EPIPE, ETIMEDOUT}},
    {SENDTO, {EACCES, EAGAIN, EBADF, EDESTADDRREQ, EFAULT, EINTR, EINVAL, EMSGSIZE, ENOBUFS, ENOMEM, ENOTSOCK,
              EOPNOTSUPP, ENETUNREACH, EPERM, ECONNREFUSED}},
    {ACCEPT, {EAGAIN, EBADF, ECONNABORTED, EFAULT, EINTR, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOTSOCK,
              EOPNOTSUPP, EPERM, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH}},
    {CONNECT, {EACCES, EPERM, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, EALREADY, EBADF, ECONNREFUSED, EFAULT,
               EINPROGRESS, EINTR, EISCONN, ENETUNREACH, ENOTSOCK, EPROTOTYPE, ETIMEDOUT}},
    {SOCKET, {EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTONOSUPPORT}},
    {BIND, {EACCES, EADDRINUSE, EBADF, EINVAL, ENOTSOCK, EADDRNOTAVAIL}},
    {LISTEN, {EADDRINUSE, EBADF, ENOTSOCK, EOPNOTSUPP}},
    {GETSOCKNAME, {EBADF, EFAULT, EINVAL, ENOBUFS, ENOTSOCK}},
    {GETSOCKOPT, {EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK}},
    {SETSOCKOPT, {EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK}},
    {EPOLL_CREATE, {EINVAL, EMFILE, ENFILE, ENOMEM}},
    {EPOLL_CTL, {EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOMEM, ENOSPC, EPERM}},
    {EPOLL_WAIT, {EBADF, EFAULT, EINTR, EINVAL}},
    {EVENTFD, {EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM}},
};

static struct mg_mgr mgr;
static bool done;

static void ask(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  count(c, ev);
  if (ev == MG_EV_CONNECT) mg_send(c, "hello", 5);
  if (ev == MG_EV_READ) c->is_draining = 1;
  if (ev == MG_EV_CLOSE) done = true;
}

static void scene(const char *scheme) {
  char url[40];
  struct mg_connection *l;
  snprintf(url, sizeof(url), "%s://127.0.0.1:0", scheme);
  l = mg_listen(&mgr, url, echo, NULL);
  if (l != NULL) mg_connect(&mgr, url_of(scheme, l), ask, NULL);
  if (l != NULL && mg_wakeup_init(&mgr)) mg_wakeup(&mgr, l->id, "x", 1);
}

// Waits that end at once are a spin: sooner or later two of 2 ms take 4 ms, less what the clock rounds.
static void check_idle(const char *name) {
  int attempt;
  for (attempt = 0; attempt < 10; attempt++) {
    uint64_t start = mg_millis();
    mg_mgr_poll(&mgr, 2);
    mg_mgr_poll(&mgr, 2);
    if (mg_millis() - start >= 3) return;
  }
  CHECK_ROW(false && "idle", name);
}

static bool play(const char *scheme, enum call call, int number, int nth, bool forever) {
  char name[80];
  int polls, before = count_descriptors(), failed = failures;
  snprintf(name, sizeof(name), "%s: call %d of %s%s fails with %s", scheme, nth, names[call],
           forever ? " and all after it" : "", strerror(number));
  target = call;
  error = number;
  countdown = nth;
  lasting = forever;
  hits = opened = closed = 0;
  done = false;
  armed = true;
  mg_mgr_init(&mgr);
  scene(scheme);
  for (polls = 0; polls < 12 && !done; polls++) mg_mgr_poll(&mgr, 0);
  if (forever && hits > 0 && number != EINTR) check_idle(name);
  mg_mgr_free(&mgr);
  armed = false;
  CHECK_ROW(mgr.conns == NULL && opened == closed, name);
  CHECK_ROW(count_descriptors() == before, name);
  // What only asks to try again changes nothing in the end.
  if (!forever && (number == EINTR || number == EAGAIN) && call != CONNECT) CHECK_ROW(done, name);
  if (failures > failed) fprintf(stderr, "  hits %d, opened %d, closed %d\n", hits, opened, closed);
  return hits > 0;
}

int main(void) {
  static const char *const schemes[] = {"tcp", "udp"};
  size_t i, e, s;
  int nth;
  mg_log_set(MG_LL_NONE);
  for (i = 0; i < COUNT(faults); i++) {
    bool hit = false;
    for (e = 0; faults[i].errors[e] != 0; e++) {
      for (s = 0; s < COUNT(schemes); s++) {
        for (nth = 1; nth < 10 && play(schemes[s], faults[i].call, faults[i].errors[e], nth, false); nth++) hit = true;
        // A call that is interrupted for ever is repeated for ever.
        if (faults[i].errors[e] == EINTR && faults[i].call != EPOLL_WAIT) continue;
        for (nth = 1; nth < 3 && play(schemes[s], faults[i].call, faults[i].errors[e], nth, true); nth++) hit = true;
      }
    }
    CHECK_ROW(hit, names[faults[i].call]);
  }
  return FAILURES;
}

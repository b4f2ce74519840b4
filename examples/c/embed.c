// A server in another event loop: embed [URL].
//
// This loop is poll(2) with standard input beside the server; libuv, GLib or Qt do the same: they watch
// mgr.epoll_fd, and call mg_mgr_poll(&mgr, 0) when it is readable or after a while, for the timers.
#include <mongoose.h>
#include <poll.h>

static char message[200] = "nothing yet\n";

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_HTTP_MSG) mg_http_reply(c, 200, "Content-Type: text/plain\r\n", "%s", message);
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  struct mg_connection *listener;
  mg_mgr_init(&mgr);
  listener = mg_http_listen(&mgr, argc > 1 ? argv[1] : "http://127.0.0.1:8000", handler, NULL);
  if (listener == NULL) return 1;
  printf("http://127.0.0.1:%d\n", (int) mg_ntohs(listener->loc.port));
  fflush(stdout);
  for (;;) {
    struct pollfd fds[] = {{.fd = mgr.epoll_fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    poll(fds, 2, 100);
    if (fds[1].revents != 0) {
      if (fgets(message, sizeof(message), stdin) == NULL) break;  // the end of the input ends the program
      printf("serving: %s", message);
      fflush(stdout);
    }
    mg_mgr_poll(&mgr, 0);
  }
  mg_mgr_free(&mgr);
  return 0;
}

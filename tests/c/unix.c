// Unix-domain stream sockets, `unix:/path`: like TCP, with a file.
#include "loop.h"

#include <sys/stat.h>
#include <sys/un.h>

static struct mg_mgr mgr;
static struct record server, client;
static struct mg_connection *accepted;

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  if (ev == MG_EV_ACCEPT) accepted = c;
  record_event(&server, ev, ev_data);
  if (ev == MG_EV_READ) {
    mg_send(c, c->recv.buf, c->recv.len);
    c->recv.len = 0;
  }
}

static bool is_socket(const char *path) {
  struct stat st;
  return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static void begin(void) {
  memset(&server, 0, sizeof(server));
  memset(&client, 0, sizeof(client));
  accepted = NULL;
  mg_mgr_init(&mgr);
}

static void end(void) {
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
}

static void test_echo(void) {
  struct mg_connection *l, *c;
  begin();
  l = mg_listen(&mgr, "unix:echo.sock", serve, NULL);
  CHECK(l != NULL && l->is_listening && l->loc.port == 0 && is_socket("echo.sock"));
  c = mg_connect(&mgr, "unix:echo.sock", recorder, &client);
  CHECK(c != NULL && c->is_client);
  mg_send(c, "hello", 5);
  POLL_UNTIL(&mgr, client.read == 5);
  CHECK(memcmp(c->recv.buf, "hello", 5) == 0);
  c->is_draining = 1;
  POLL_UNTIL(&mgr, server.closes == 1);
  CHECK_EVENTS(client, "OPEN RESOLVE CONNECT WRITE READ CLOSE");
  CHECK_EVENTS(server, "OPEN ACCEPT READ WRITE CLOSE");
  end();
  CHECK(!is_socket("echo.sock"));  // the file goes with the listener
}

static void test_http(void) {
  struct mg_connection *l;
  begin();
  l = mg_http_listen(&mgr, "unix:http.sock", serve, NULL);
  CHECK(l != NULL && l->pfn != NULL);
  end();
}

static void test_nobody_there(void) {
  begin();
  CHECK(mg_connect(&mgr, "unix:none.sock", recorder, &client) != NULL);
  POLL_UNTIL(&mgr, client.closes == 1);
  CHECK(strncmp(client.text, "OPEN RESOLVE ERROR", 18) == 0 || strncmp(client.text, "OPEN ERROR", 10) == 0);
  end();
}

static void test_paths_that_cannot_be(void) {
  char url[300] = "unix:";
  memset(url + 5, 'x', 200);
  begin();
  CHECK(mg_listen(&mgr, "unix:", serve, NULL) == NULL);
  CHECK(mg_listen(&mgr, url, serve, NULL) == NULL);
  CHECK(mg_listen(&mgr, "unix:no/such/directory.sock", serve, NULL) == NULL);
  CHECK(mg_connect(&mgr, url, recorder, &client) != NULL);
  POLL_UNTIL(&mgr, client.closes == 1);
  end();
}

// A path in use is refused; a stale one is taken over; anything that is no socket is left alone.
static void test_files_in_the_way(void) {
  struct sockaddr_un sun;
  struct stat st;
  FILE *fp;
  int fd;
  begin();
  CHECK(mg_listen(&mgr, "unix:used.sock", serve, NULL) != NULL);
  CHECK(mg_listen(&mgr, "unix:used.sock", serve, NULL) == NULL);
  CHECK(is_socket("used.sock"));

  memset(&sun, 0, sizeof(sun));
  sun.sun_family = AF_UNIX;
  strcpy(sun.sun_path, "stale.sock");
  fd = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(bind(fd, (struct sockaddr *) &sun, sizeof(sun)) == 0);
  close(fd);
  CHECK(is_socket("stale.sock"));
  CHECK(mg_listen(&mgr, "unix:stale.sock", serve, NULL) != NULL);

  fp = fopen("precious.txt", "w");
  CHECK(fp != NULL && fputs("precious", fp) >= 0 && fclose(fp) == 0);
  CHECK(mg_listen(&mgr, "unix:precious.txt", serve, NULL) == NULL);
  CHECK(stat("precious.txt", &st) == 0 && st.st_size == 8);
  CHECK(symlink("precious.txt", "link.sock") == 0);
  CHECK(mg_listen(&mgr, "unix:link.sock", serve, NULL) == NULL);
  CHECK(lstat("link.sock", &st) == 0);
  unlink("link.sock");
  unlink("precious.txt");
  end();
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_echo();
  test_http();
  test_nobody_there();
  test_paths_that_cannot_be();
  test_files_in_the_way();
  return FAILURES;
}

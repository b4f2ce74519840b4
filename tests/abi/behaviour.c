/* What the macros of a program do: prints one line for each. The test compiles it with -D. */
#include "mongoose.h"

#define LONG_NAME "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct mg_mgr s_mgr;
static char s_reply[200000];
static size_t s_len;
static int s_closed;
static unsigned long s_lines;
static char s_root[64];

static void count(char ch, void *arg) {
  if (ch == '\n') s_lines++;
  (void) arg;
}

static void server(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    struct mg_http_serve_opts opts;
    memset(&opts, 0, sizeof(opts));
    opts.root_dir = s_root;
    opts.ssi_pattern = "#.shtml";
    if (hm->body.len > 0) mg_http_reply(c, 200, "", "%lu\n", (unsigned long) hm->body.len);
    else mg_http_serve_dir(c, hm, &opts);
  }
  if (ev == MG_EV_ERROR) s_closed = 1;
}

static void client(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_READ && s_len + c->recv.len < sizeof(s_reply)) {
    memcpy(s_reply + s_len, c->recv.buf, c->recv.len);
    s_len += c->recv.len;
    s_reply[s_len] = '\0';
    c->recv.len = 0;
  }
  if (ev == MG_EV_CLOSE) s_closed = 1;
  (void) ev_data;
}

static const char *get(const char *url, const char *path, size_t body) {
  struct mg_connection *c = mg_connect(&s_mgr, url, client, NULL);
  int i;
  s_len = 0, s_closed = 0, s_reply[0] = '\0';
  mg_printf(c, "GET %s HTTP/1.1\r\nConnection: close\r\nContent-Length: %lu\r\n\r\n", path, (unsigned long) body);
  while (body-- > 0) mg_send(c, "x", 1);
  for (i = 0; i < 5000 && !s_closed; i++) mg_mgr_poll(&s_mgr, 10);
  c->is_closing = 1;
  mg_mgr_poll(&s_mgr, 0);
  return s_reply;
}

static void file(const char *name, const char *text) {
  char path[256];
  FILE *fp;
  snprintf(path, sizeof(path), "%s/%s", s_root, name);
  fp = fopen(path, "w");
  if (fp == NULL) exit(2);
  fputs(text, fp);
  fclose(fp);
}

static void folder(const char *name) {
  char path[256];
  snprintf(path, sizeof(path), "%s/%s", s_root, name);
  mkdir(path, 0755);
}

#ifndef __cplusplus
void (*init_pointer)(struct mg_mgr *) = mg_mgr_init; /* its address is a constant */
#endif

int main(int argc, char **argv) {
  struct mg_connection *l, *l6;
  char url[128];
  struct tcp_info info;
  socklen_t len = sizeof(info);
  size_t size;
  int i;
  if (argc > 1) mg_log_set(MG_LL_NONE);
  (void) argv;
  snprintf(s_root, sizeof(s_root), "/tmp/behaviour.%d", (int) getpid());
  mkdir(s_root, 0755);
  folder("dir"), folder("idx");
  file("dir/a.txt", "a"), file("dir/" LONG_NAME, "long"), file("idx/home.html", "home"), file("idx/index.html", "index");
  file("page.shtml", "<!--#include file=\"in.shtml\" -->"), file("in.shtml", "<!--#include file=\"deep.txt\" -->");
  file("deep.txt", "deep");
  mg_log_set_fn(count, NULL);
  mg_log_set(MG_LL_VERBOSE);
  s_lines = 0;
  mg_mgr_init(&s_mgr);
  l = mg_http_listen(&s_mgr, "http://127.0.0.1:0", server, NULL);
  if (l == NULL) return 3;
  snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", mg_ntohs(l->loc.port));
  printf("log %d\n", s_lines > 0);
  mg_log_set(MG_LL_NONE);
  printf("align %lu\n", (unsigned long) l->recv.align);
  memset(&info, 0, sizeof(info));
  getsockopt((int) (size_t) l->fd, IPPROTO_TCP, TCP_INFO, &info, &len);
  printf("backlog %u\n", (unsigned) info.tcpi_sacked);
  printf("dir %.3s\n", get(url, "/dir/", 0) + 9);
  printf("times %s\n", strstr(s_reply, "(UTC)") != NULL ? "utc" : strstr(s_reply, "Modified") != NULL ? "local" : "none");
  printf("index %s\n", strstr(get(url, "/idx/", 0), "home") != NULL ? "home" : "index");
  printf("ssi %s\n", strstr(get(url, "/page.shtml", 0), "deep\r\n") != NULL || strstr(s_reply, "\ndeep") != NULL ? "all" :
                     strstr(s_reply, "#include") != NULL ? "off" : "cut");
  printf("file %.3s\n", get(url, "/deep.txt", 0) + 9);
  printf("path %.3s\n", get(url, "/dir/" LONG_NAME, 0) + 9);
  printf("body %.12s\n", get(url, "/", 100000)[0] ? s_reply + 9 : "refused");
  printf("json");
  for (i = 5; i <= 50; i += 45) {
    char text[200];
    memset(text, '[', 100), memset(text + i, ']', (size_t) i), text[2 * i] = '\0';
    printf(" %d", mg_json_get(mg_str(text), "$", NULL));
  }
  printf("\n");
  l6 = mg_listen(&s_mgr, "tcp://[::]:0", server, NULL);
  if (l6 != NULL) {
    int on = -1;
    len = sizeof(on);
    getsockopt((int) (size_t) l6->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, &len);
    printf("v6only %d\n", on);
  }
  printf("read %d\n", mg_file_read(&mg_fs_posix, "/proc/self/comm").buf != NULL);
  size = sizeof(s_mgr);
  mg_mgr_free(&s_mgr);
  snprintf(url, sizeof(url), "rm -r %s", s_root);
  return system(url) == 0 && size == 144 ? 0 : 4;
}

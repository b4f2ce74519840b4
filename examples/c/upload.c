// Uploads of any size: upload DIRECTORY [URL]. PUT /name stores the body as DIRECTORY/name.
#include <mongoose.h>

static const char *directory;

static void done(struct mg_connection *c, const char *err) {
  if (err == NULL) {
    mg_http_reply(c, 201, "", "stored\n");
  } else {
    mg_http_reply(c, 400, "", "%s\n", err);
  }
  c->is_draining = 1;
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_http_message *hm = (struct mg_http_message *) ev_data;
  if (ev == MG_EV_HTTP_HDRS && mg_strcmp(hm->method, mg_str("PUT")) == 0) {
    struct mg_str name = mg_str_n(hm->uri.buf + 1, hm->uri.len - 1);
    mg_http_start_upload(c, hm, name, mg_str(directory), NULL, done);
  } else if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_serve_opts opts = {.root_dir = directory};
    mg_http_serve_dir(c, hm, &opts);
  }
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  struct mg_connection *listener;
  if (argc < 2) return fprintf(stderr, "usage: upload DIRECTORY [URL]\n"), 2;
  directory = argv[1];
  mg_mgr_init(&mgr);
  mg_mgr_set(&mgr, MG_SET_HTTP_CONTINUE, 1);     // curl waits for it before it sends a long body
  mg_mgr_set(&mgr, MG_SET_HTTP_BODY_RATE, 240);  // bytes per second, so that no client stays for ever
  listener = mg_http_listen(&mgr, argc > 2 ? argv[2] : "http://127.0.0.1:8000", handler, NULL);
  if (listener == NULL) return 1;
  printf("http://127.0.0.1:%d\n", (int) mg_ntohs(listener->loc.port));
  fflush(stdout);
  for (;;) mg_mgr_poll(&mgr, 1000);
}

// JSON-RPC over HTTP: rpc [URL]. POST a request to /rpc.
#include <mongoose.h>

static struct mg_rpc *methods;

static void sum(struct mg_rpc_req *r) {
  double a = 0, b = 0;
  if (mg_json_get_num(r->frame, "$.params[0]", &a) && mg_json_get_num(r->frame, "$.params[1]", &b)) {
    mg_rpc_ok(r, "%g", a + b);
  } else {
    mg_rpc_err(r, -32602, "%m", MG_ESC("two numbers, please"));
  }
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    struct mg_iobuf out = {0};
    struct mg_rpc_req r = {.head = &methods, .frame = hm->body, .pfn = mg_pfn_iobuf, .pfn_data = &out};
    if (!mg_match(hm->uri, mg_str("/rpc"), NULL)) {
      mg_http_reply(c, 404, "", "POST to /rpc\n");
      return;
    }
    mg_rpc_process(&r);
    mg_http_reply(c, 200, "Content-Type: application/json\r\n", "%.*s", (int) out.len, out.buf);
    mg_iobuf_free(&out);
  }
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  struct mg_connection *listener;
  mg_mgr_init(&mgr);
  mg_rpc_add(&methods, mg_str("sum"), sum, NULL);
  mg_rpc_add(&methods, mg_str("rpc.list"), mg_rpc_list, NULL);
  listener = mg_http_listen(&mgr, argc > 1 ? argv[1] : "http://127.0.0.1:8000", handler, NULL);
  if (listener == NULL) return 1;
  printf("http://127.0.0.1:%d\n", (int) mg_ntohs(listener->loc.port));
  fflush(stdout);
  for (;;) mg_mgr_poll(&mgr, 1000);
}

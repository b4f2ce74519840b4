// JSON-RPC: what each frame is answered with.
#include "check.h"
#include "mongoose.h"

static struct mg_rpc *s_head;
static char s_result[32];

static void seven(struct mg_rpc_req *r) {
  CHECK(r->rpc != NULL && r->rpc->fn_data == &s_head && r->req_data == s_result);
  mg_rpc_ok(r, "%d", 7);
}
static void nil(struct mg_rpc_req *r) {
  mg_rpc_ok(r, NULL);
}
static void err(struct mg_rpc_req *r) {
  mg_rpc_err(r, -5, "%m", MG_ESC("b\"ad"));
}
static void err_nil(struct mg_rpc_req *r) {
  mg_rpc_err(r, 1, NULL);
}
static void twice(struct mg_rpc_req *r) {
  mg_rpc_ok(r, "%d", 1);
  mg_rpc_ok(r, "%s", "2");
}
static void silent(struct mg_rpc_req *r) {
  (void) r;
}
static void sum(struct mg_rpc_req *r) {
  double a = 0, b = 0;
  mg_json_get_num(r->frame, "$.params[0]", &a);
  mg_json_get_num(r->frame, "$.params[1]", &b);
  mg_rpc_ok(r, "%g", a + b);
}
static void remove_me(struct mg_rpc_req *r) {
  mg_rpc_del(r->head, remove_me);
  mg_rpc_ok(r, "true");
}
static void response(struct mg_rpc_req *r) {
  struct mg_str result = mg_json_get_tok(r->frame, "$.result");
  mg_snprintf(s_result, sizeof(s_result), "%.*s", (int) result.len, result.buf);
}

// The answer to a frame is `want`; NULL: nothing is printed, not even an empty text.
static bool answers(struct mg_rpc **head, const char *frame, const char *want) {
  struct mg_iobuf io = {NULL, 0, 0, 256};
  size_t len = strlen(frame);
  char *copy = (char *) malloc(len + 1);  // no NUL after the frame
  memcpy(copy, frame, len);
  struct mg_rpc_req r = {head, NULL, mg_pfn_iobuf, &io, s_result, {copy, len}};
  mg_rpc_process(&r);
  bool ok = want == NULL ? io.buf == NULL : io.buf != NULL && strcmp((char *) io.buf, want) == 0 && strlen(want) == io.len;
  if (!ok) fprintf(stderr, "%s: %s\n", frame, io.buf == NULL ? "nothing" : (char *) io.buf);
  mg_iobuf_free(&io);
  free(copy);
  return ok;
}

static void test_frames(void) {
  static const struct {
    const char *frame, *answer;
  } rows[] = {
      {"{\"id\":1,\"method\":\"add\"}", "{\"id\":1,\"result\":7}"},
      {"{\"id\":\"abc\",\"method\":\"add\"}", "{\"id\":\"abc\",\"result\":7}"},
      {"{\"id\":{\"a\":[1]},\"method\":\"add\"}", "{\"id\":{\"a\":[1]},\"result\":7}"},
      {"{\"id\" : 3 ,\"method\":\"nil\"}", "{\"id\":3,\"result\":null}"},
      {"{\"method\":\"add\"}", NULL},
      {"{\"id\":4,\"method\":\"err\"}", "{\"id\":4,\"error\":{\"code\":-5,\"message\":\"b\\\"ad\"}}"},
      {"{\"method\":\"err\"}", "{\"error\":{\"code\":-5,\"message\":\"b\\\"ad\"}}"},
      {"{\"id\":4,\"method\":\"err.nil\"}", "{\"id\":4,\"error\":{\"code\":1,\"message\":null}}"},
      {"{\"id\":4,\"method\":\"dev/led\"}", "{\"id\":4,\"result\":7}"},
      {"{\"id\":4,\"method\":\"dev/led/1\"}",
       "{\"id\":4,\"error\":{\"code\":-32601,\"message\":\"dev/led/1 not found\"}}"},
      {"{\"method\":\"nope\"}", "{\"error\":{\"code\":-32601,\"message\":\"nope not found\"}}"},
      {"{\"id\":4,\"method\":\"a\\\"b\"}", "{\"id\":4,\"error\":{\"code\":-32601,\"message\":\"a\\\"b not found\"}}"},
      {"{\"id\":4,\"method\":5}", "{\"id\":4,\"error\":{\"code\":-32700,\"message\":\"{\\\"id\\\":4,\\\"method\\\":5}\"}}"},
      {"{\"id\":4}", "{\"id\":4,\"error\":{\"code\":-32700,\"message\":\"{\\\"id\\\":4}\"}}"},
      {"", "{\"error\":{\"code\":-32700,\"message\":\"\"}}"},
      {"haha", "{\"error\":{\"code\":-32700,\"message\":\"haha\"}}"},
      {"[{\"id\":1,\"method\":\"add\"}]",
       "{\"error\":{\"code\":-32700,\"message\":\"[{\\\"id\\\":1,\\\"method\\\":\\\"add\\\"}]\"}}"},
      {"{\"id\":1,\"result\":null}", "{\"id\":1,\"error\":{\"code\":-32601,\"message\":\" not found\"}}"},
      {"{\"id\":1,\"error\":{}}", "{\"id\":1,\"error\":{\"code\":-32601,\"message\":\" not found\"}}"},
      {"{\"id\":4,\"method\":\"add\"", "{\"id\":4,\"result\":7}"},
      {"{\"id\":1,\"method\":\"twice\"}", "{\"id\":1,\"result\":1}{\"id\":1,\"result\":2}"},
      {"{\"id\":1,\"method\":\"silent\"}", NULL},
      {"{\"id\":1,\"method\":\"sum\",\"params\":[1.5,2]}", "{\"id\":1,\"result\":3.5}"},
  };
  mg_rpc_add(&s_head, mg_str("add"), seven, &s_head);
  mg_rpc_add(&s_head, mg_str("dev/*"), seven, &s_head);
  mg_rpc_add(&s_head, mg_str("nil"), nil, NULL);
  mg_rpc_add(&s_head, mg_str("err"), err, NULL);
  mg_rpc_add(&s_head, mg_str("err.nil"), err_nil, NULL);
  mg_rpc_add(&s_head, mg_str("twice"), twice, NULL);
  mg_rpc_add(&s_head, mg_str("silent"), silent, NULL);
  mg_rpc_add(&s_head, mg_str("sum"), sum, NULL);
  for (size_t i = 0; i < COUNT(rows); i++) CHECK(answers(&s_head, rows[i].frame, rows[i].answer));
  CHECK(answers(NULL, "{\"id\":true,\"method\":\"add\"}",
                "{\"id\":true,\"error\":{\"code\":-32601,\"message\":\"add not found\"}}"));
  CHECK(answers(NULL, "{\"id\":1,\"result\":1}", "{\"id\":1,\"error\":{\"code\":-32601,\"message\":\" not found\"}}"));

  // Later entries win; a handler's entries go together.
  mg_rpc_add(&s_head, mg_str("add"), nil, NULL);
  CHECK(answers(&s_head, rows[0].frame, "{\"id\":1,\"result\":null}"));
  mg_rpc_del(&s_head, nil);
  CHECK(answers(&s_head, rows[0].frame, rows[0].answer));
  CHECK(answers(&s_head, "{\"id\":1,\"method\":\"nil\"}",
                "{\"id\":1,\"error\":{\"code\":-32601,\"message\":\"nil not found\"}}"));
  mg_rpc_del(&s_head, NULL);
  CHECK(s_head == NULL);
  mg_rpc_del(&s_head, NULL);
  mg_rpc_del(&s_head, nil);
  mg_rpc_del(NULL, NULL);
}

static void test_list(void) {
  mg_rpc_add(&s_head, mg_str("rpc.list"), mg_rpc_list, NULL);
  CHECK(answers(&s_head, "{\"method\":\"rpc.list\"}", NULL));
  CHECK(answers(&s_head, "{\"id\": 1,\"method\":\"rpc.list\"}", "{\"id\":1,\"result\":[\"rpc.list\"]}"));
  mg_rpc_add(&s_head, mg_str("a\"b"), nil, NULL);
  mg_rpc_add(&s_head, mg_str(""), response, NULL);
  CHECK(s_head->method.buf == NULL && s_head->method.len == 0);
  CHECK(answers(&s_head, "{\"id\":5,\"method\":\"rpc.list\"}", "{\"id\":5,\"result\":[\"a\\\"b\",\"rpc.list\"]}"));
  CHECK(answers(&s_head, "{\"id\":1,\"result\":123}", NULL));
  CHECK(strcmp(s_result, "123") == 0);
  mg_rpc_del(&s_head, NULL);

  // The handler for responses answers as a list of nothing.
  mg_rpc_add(&s_head, mg_str(""), mg_rpc_list, NULL);
  CHECK(answers(&s_head, "{\"id\":1,\"result\":1}", "{\"id\":1,\"result\":[]}"));
  mg_rpc_del(&s_head, NULL);
}

static void test_removal_while_running(void) {
  mg_rpc_add(&s_head, mg_str("once"), remove_me, NULL);
  CHECK(answers(&s_head, "{\"id\":1,\"method\":\"once\"}", "{\"id\":1,\"result\":true}"));
  CHECK(s_head == NULL);
}

static void test_nonsense(void) {
  struct mg_rpc_req r;
  memset(&r, 0, sizeof(r));  // no output function: everything is dropped
  r.frame = mg_str("{\"id\":1,\"method\":\"x\"}");
  mg_rpc_process(&r);
  CHECK(r.rpc == NULL);
  mg_rpc_ok(&r, "%d", 1);
  mg_rpc_process(NULL);
  mg_rpc_list(NULL);
  mg_rpc_ok(NULL, "%d", 1);
  mg_rpc_err(NULL, 1, "%d", 1);
  mg_rpc_add(NULL, mg_str("x"), nil, NULL);
  mg_rpc_add(&s_head, mg_str("x"), NULL, NULL);
  CHECK(answers(&s_head, "{\"id\":1,\"method\":\"x\"}", NULL));
  mg_rpc_del(&s_head, NULL);
}

int main(void) {
  test_frames();
  test_list();
  test_removal_while_running();
  test_nonsense();
  return FAILURES;
}

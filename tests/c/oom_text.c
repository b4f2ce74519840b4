// Functions that return memory, and lists that grow, when the program's own allocator fails.
#include "check.h"
#include "mongoose.h"

static int s_left;    // allocations that succeed
static int s_blocks;  // blocks in use

void *mg_calloc(size_t count, size_t size) {
  if (s_left-- <= 0) return NULL;
  s_blocks++;
  return calloc(count, size);
}

void mg_free(void *ptr) {
  if (ptr != NULL) s_blocks--;
  free(ptr);
}

static void handler(struct mg_rpc_req *r) {
  mg_rpc_ok(r, "%d", 1);
}

int main(void) {
  struct mg_str json = mg_str("{\"a\":\"616263\"}");
  char *(*get[])(struct mg_str, const char *, int *) = {mg_json_get_hex, mg_json_get_b64};
  for (int i = 0; i < 2; i++) {
    int len = 77;
    s_left = 0;
    CHECK(get[i](json, "$.a", &len) == NULL && len == 77);
    s_left = 1;
    char *p = get[i](json, "$.a", &len);
    CHECK(p != NULL && len == 3 && s_blocks == 1);
    mg_free(p);
  }
  size_t len = 77;
  s_left = 0;
  CHECK(mg_json_get_str(json, "$.a") == NULL);
  CHECK(mg_json_get_text(json, "$.a", &len) == NULL && len == 77);
  // What turns out to be undecodable is given back.
  s_left = 2;
  CHECK(mg_json_get_str(mg_str("\"\\q\""), "$") == NULL);
  CHECK(mg_json_get_text(mg_str("\"\\q\""), "$", &len) == NULL && len == 77);
  CHECK(s_left == 0 && s_blocks == 0);

  // An entry takes two blocks: itself and its pattern.
  struct mg_rpc *head = NULL;
  for (int n = 0; n < 2; n++) {
    s_left = n;
    mg_rpc_add(&head, mg_str("a"), handler, NULL);
    CHECK(head == NULL && s_blocks == 0);
  }
  s_left = 2;
  mg_rpc_add(&head, mg_str("a"), handler, NULL);
  CHECK(head != NULL && s_blocks == 2);

  // An answer that finds no memory is not printed.
  struct mg_iobuf io = {NULL, 0, 0, 256};
  struct mg_rpc_req r = {&head, NULL, mg_pfn_iobuf, &io, NULL, mg_str("{\"id\":1,\"method\":\"a\"}")};
  s_left = 0;
  mg_log_set(MG_LL_NONE);
  mg_rpc_process(&r);
  CHECK(r.rpc == head && io.buf == NULL && io.len == 0);
  mg_rpc_del(&head, NULL);
  CHECK(head == NULL && s_blocks == 0);
  return FAILURES;
}

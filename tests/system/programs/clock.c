// Asks a time server and prints the answer in milliseconds since 1970, or "no time": "clock URL".
#include "mongoose.h"

struct answer {
  int64_t ms;
  bool is_over;
};

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  struct answer *answer = (struct answer *) c->fn_data;
  if (ev == MG_EV_SNTP_TIME) answer->ms = *(int64_t *) ev_data;
  if (ev == MG_EV_CLOSE) answer->is_over = true;
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  struct answer answer = {0, false};
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  if (argc != 2 || mg_sntp_connect(&mgr, argv[1], handler, &answer) == NULL) return EXIT_FAILURE;
  while (!answer.is_over) mg_mgr_poll(&mgr, 1000);
  if (answer.ms == 0) printf("no time\n");
  if (answer.ms != 0) printf("%lld\n", (long long) answer.ms);
  mg_mgr_free(&mgr);
  return EXIT_SUCCESS;
}

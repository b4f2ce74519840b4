// A host in multicast DNS that offers a web service: "mdns_host NAME".
#include "mongoose.h"

static struct mg_dnssd_record s_web = {{"_http._tcp", 10}, {"\6path=/\7colour=", 15}, 8080};

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  (void) c;
  if (ev == MG_EV_MDNS_REQ) {
    struct mg_mdns_req *req = (struct mg_mdns_req *) ev_data;
    if (req->rr->atype != MG_DNS_RTYPE_A && mg_strcasecmp(req->reqname, s_web.srvcproto) == 0) {
      req->r = &s_web;
      req->is_resp = true;
    }
  }
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  if (argc != 2 || mg_mdns_listen(&mgr, handler, argv[1]) == NULL) return EXIT_FAILURE;
  printf("ready\n");
  fflush(stdout);
  for (;;) mg_mgr_poll(&mgr, 1000);
}

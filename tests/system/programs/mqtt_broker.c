// A broker: mqtt_broker URL.
#include "../../c/mqtt_broker.h"

int main(int argc, char *argv[]) {
  struct mg_mgr mgr;
  if (argc != 2) return 2;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  if (mg_mqtt_listen(&mgr, argv[1], broker, NULL) == NULL) return 1;
  for (;;) mg_mgr_poll(&mgr, 1000);
}

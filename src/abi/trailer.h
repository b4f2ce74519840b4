
/* ---- What the program defines, if it needs it ---- */

/* Files packed into the program: `mg_mem_files = mg_packed_files;` makes them visible. */
extern const struct mg_mem_file mg_packed_files[];

/* Packed files in the form of releases before 7.22. */
const char *mg_unpack(const char *name, size_t *size, time_t *mtime);
const char *mg_unlist(size_t no);

/* Parts of generated projects. */
extern struct mg_mgr g_mgr;
void mg_dash_init(struct mg_mgr *mgr);
void mg_dash_poll(struct mg_mgr *mgr);
void mg_mqtt_init(struct mg_mgr *mgr);
void mg_mqtt_poll(struct mg_mgr *mgr);

#if defined(__clang__) && !defined(__cplusplus) && !defined(__STDC_VERSION__)
#pragma clang diagnostic pop
#endif

#ifdef __cplusplus
}
#endif

#endif /* MONGOOSE_H */

/* Folders that are served before an application is asked: natively, and without the GIL. */
#include "gate.h"

#include <stdlib.h>

/* A folder, and the path below which it is served: "/assets". */
typedef struct Mount {
  char *root; /* "/assets=folder", as the library wants it */
  size_t prefix; /* bytes of the path */
} Mount;

struct Mounts {
  Mount *all;
  size_t count;
};

void mounts_free(struct Mounts *mounts) {
  if (mounts == NULL) return;
  for (size_t i = 0; i < mounts->count; i++) free(mounts->all[i].root);
  free(mounts->all);
  free(mounts);
}

/* _set_mounts([(path, folder), ...]): before anything is served. The longest path counts first. */
PyObject *core_set_mounts(Core *m, PyObject *list) {
  Py_ssize_t count = PyList_Size(list);
  if (count < 0) return NULL;
  struct Mounts *mounts = calloc(1, sizeof(*mounts));
  if (mounts != NULL) mounts->all = calloc((size_t) count + 1, sizeof(*mounts->all));
  if (mounts == NULL || mounts->all == NULL) {
    mounts_free(mounts);
    return PyErr_NoMemory();
  }
  for (Py_ssize_t i = 0; i < count; i++) {
    const char *path, *folder;
    if (!PyArg_ParseTuple(PyList_GetItem(list, i), "ss", &path, &folder)) goto failed;
    Mount *mount = &mounts->all[mounts->count];
    mount->prefix = strlen(path);
    mount->root = malloc(mount->prefix + strlen(folder) + 2);
    if (mount->root == NULL) {
      PyErr_NoMemory();
      goto failed;
    }
    sprintf(mount->root, "%s=%s", path, folder);
    mounts->count++;
  }
  mounts_free(m->mounts);
  m->mounts = count > 0 ? mounts : NULL;
  if (count == 0) mounts_free(mounts);
  Py_RETURN_NONE;
failed:
  mounts_free(mounts);
  return NULL;
}

/* The mount that a path belongs to. */
static const Mount *find(const struct Mounts *mounts, struct mg_str path) {
  const Mount *found = NULL;
  for (size_t i = 0; i < mounts->count; i++) {
    const Mount *mount = &mounts->all[i];
    size_t n = mount->prefix;
    if (path.len < n || memcmp(path.buf, mount->root, n) != 0) continue;
    if (path.len > n && path.buf[n] != '/') continue;
    if (found == NULL || n > found->prefix) found = mount;
  }
  return found;
}

/* Other methods than these change something, which a file cannot. */
static bool only_reads(struct mg_str method) {
  return mg_strcmp(method, mg_str("GET")) == 0 || mg_strcmp(method, mg_str("HEAD")) == 0;
}

bool mounts_serve(Core *m, struct mg_connection *c, int ev, struct mg_http_message *hm) {
  const Mount *mount = find(m->mounts, http_path(hm->uri));
  if (mount == NULL) return false;
  if (ev != MG_EV_HTTP_MSG) return true; /* The library collects the body. */
  if (m->stopping) c->is_draining = 1;
  if (!only_reads(hm->method)) {
    mg_http_reply(c, 405, "Allow: GET, HEAD\r\n", "Method not allowed\n");
    return true;
  }
  struct mg_http_serve_opts options = {mount->root, NULL, m->mount_lines, NULL, NULL, NULL};
  struct mg_http_web_opts web;
  memset(&web, 0, sizeof(web));
  web.flags = MG_WEB_BENEATH | MG_WEB_NO_LISTING | MG_WEB_NO_DOT_FILES | MG_WEB_PRECOMPRESSED;
  mg_http_serve_dir_web(c, hm, &options, &web);
  return true;
}

// Files: the list that the library makes of a directory.
import { byId } from "/page.js";

export function show() {
  byId("files-list").src = "/files/";
}

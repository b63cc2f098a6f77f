/** Removing something for good: asked about first, told about after. */

import { api } from "../app/api.js";
import { t } from "../app/language.js";
import { attempt } from "../app/toasts.js";
import { confirmed } from "./dialogs.js";

/**
 * Ask, and then delete what is at this path; true once it is gone.
 * @param {string} path
 * @param {{title: string, text: string}} question
 * @returns {Promise<boolean>}
 */
export async function removed(path, question) {
  if (!(await confirmed({ ...question, action: t("Remove"), isDangerous: true }))) return false;
  const isGone = await attempt(async () => {
    await api(path, { method: "DELETE" });
    return true;
  }, t("Removed."));
  return Boolean(isGone);
}

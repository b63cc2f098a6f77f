/** The cluster: services, hosts, workers, logs, settings, and who may come in. */

import { t } from "../../app/language.js";
import { may } from "../../app/session.js";
import { html } from "../../app/view.js";
import { Heading, Tabs } from "../../parts/heading.js";
import { ApiKeys } from "./api_keys.js";
import { Logs } from "./logs.js";
import { Settings } from "./settings.js";
import { Status } from "./status.js";
import { Users } from "./users.js";
import { Workers } from "./workers.js";

/** The section's pages by their place. */
export default function Cluster({ rest, query }) {
  const [page = "status"] = rest;
  const pages = {
    status: Status,
    workers: Workers,
    logs: Logs,
    settings: Settings,
    users: Users,
    keys: ApiKeys,
  };
  const tabs = [
    ["status", t("Services and hosts"), "#/cluster"],
    ["workers", t("Compute workers"), "#/cluster/workers"],
    ["logs", t("Logs"), "#/cluster/logs"],
    ["settings", t("Settings"), "#/cluster/settings"],
    ...(may("*") ? [["users", t("Users"), "#/cluster/users"]] : []),
    ["keys", t("API keys"), "#/cluster/keys"],
  ];
  const Page = pages[page] ?? Status;
  return html`<${Heading} title=${t("Cluster")} /><${Tabs} at=${page in pages ? page : "status"}
    tabs=${tabs} /><${Page} query=${query} />`;
}

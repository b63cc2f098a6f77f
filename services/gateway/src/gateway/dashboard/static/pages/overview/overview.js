/** The factory at a glance: what needs a person first, then every domain, then what happens now. */

import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { html } from "../../app/view.js";
import { Badge } from "../../parts/badge.js";
import { Heading } from "../../parts/heading.js";
import { Attention } from "./attention.js";
import {
  ClusterCard,
  DevicesCard,
  FloorCard,
  PrintersCard,
  ThroughputCard,
  VisionCard,
} from "./domains.js";
import { Feed } from "./feed.js";
import { useFactory } from "./factory.js";

const HEALTH_MS = 5000;

/** The first page. */
export default function Overview() {
  const health = useResource("/health", { everyMs: HEALTH_MS });
  const factory = useFactory();
  return html`<${Heading} title=${t("Overview")}>${health.data && html`<${Badge}
    state=${health.data.status} />`}<//>
    <div class="grid overview">
      <${Attention} health=${health.data} factory=${factory} />
      <div class="grid cols-3">
        <${VisionCard} />
        <${FloorCard} live=${factory.floor} />
        <${PrintersCard} printers=${factory.printers} />
        <${DevicesCard} devices=${factory.devices} />
        <${ClusterCard} health=${health.data} />
        <${ThroughputCard} rates=${factory.feed.rates} />
      </div>
      <${Feed} feed=${factory.feed} devices=${factory.devices.data} />
    </div>`;
}

/** What a device is watched for: its rules as sentences, made, changed and removed here. */

import { duration, number } from "../../app/format.js";
import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { may } from "../../app/session.js";
import { html, useState } from "../../app/view.js";
import { Badge } from "../../parts/badge.js";
import { Icon } from "../../parts/icons.js";
import { removed } from "../../parts/removal.js";
import { Loaded } from "../../parts/states.js";
import { RuleForm } from "./rule_form.js";

const MOST = 100;
const DECIMALS = 6;

/** The rules of one device; `metrics` are those that it has sent. */
export function Rules({ id, metrics }) {
  const path = `/api/devices/${id}/rules/`;
  const rules = useResource(path, { query: { page_size: MOST } });
  const [draft, setDraft] = useState(/** @type {any} */ (null));
  const done = () => {
    setDraft(null);
    rules.reload();
  };
  const remove = async (rule) => {
    const question = {
      title: t("Remove this rule?"),
      text: t("An alert that it has raised ends with it."),
    };
    if (await removed(`${path}${rule.id}/`, question)) rules.reload();
  };
  return html`<section class="card" aria-label=${t("Rules")}><header><h2>${t("Rules")}</h2>
      ${may("write") && html`<button class="button small" onClick=${() => setDraft({})}><${Icon}
        name="plus" />${t("Add a rule")}</button>`}</header>
    <${Loaded} of=${rules}>${({ results }) =>
      results.length
        ? html`<ul class="lines">${results.map(
            (rule) => html`<${Line} key=${rule.id} rule=${rule} onEdit=${setDraft}
              onRemove=${remove} />`,
          )}</ul>`
        : html`<p class="muted">${t("Nothing is watched yet.")}</p>`}<//>
    ${draft && html`<${RuleForm} path=${path} rule=${draft} metrics=${metrics} onDone=${done}
      onCancel=${() => setDraft(null)} />`}</section>`;
}

function Line({ rule, onEdit, onRemove }) {
  const words = sentence(rule.parameters);
  return html`<li><${Badge} state=${rule.enabled ? rule.severity : "off"} /><div class="grow">
      ${words}${more(rule.parameters).map(
        (text) => html`<p class="small muted" key=${text}>${text}</p>`,
      )}</div>
    ${may("write") && html`<button class="button plain small"
      aria-label=${`${t("Edit")}: ${words}`} onClick=${() => onEdit(rule)}><${Icon} name="edit" />
        </button>`}
    ${may("delete") && html`<button class="button plain small"
      aria-label=${`${t("Remove")}: ${words}`} onClick=${() => onRemove(rule)}><${Icon}
        name="trash" /></button>`}</li>`;
}

function sentence(rule) {
  const { metric } = rule;
  if (rule.kind === "silence")
    return t("Silent for {n} of its own intervals", { n: number(rule.intervals, 1) });
  if (rule.kind === "rate")
    return t("{metric} changes by more than {limit} a minute", {
      metric,
      limit: number(rule.per_minute, DECIMALS),
    });
  const [low, high] = [rule.below, rule.above].map((limit) => number(limit, DECIMALS));
  if (rule.below === null) return t("{metric} above {high}", { metric, high });
  if (rule.above === null) return t("{metric} below {low}", { metric, low });
  return t("{metric} below {low} or above {high}", { metric, low, high });
}

function more(rule) {
  if (rule.kind === "silence")
    return [t("and for at least {time}", { time: duration(rule.at_least_seconds) })];
  return [
    rule.duration_seconds && t("for at least {time}", { time: duration(rule.duration_seconds) }),
    rule.hysteresis && t("over once it is back by {n}", { n: number(rule.hysteresis, DECIMALS) }),
  ].filter(Boolean);
}

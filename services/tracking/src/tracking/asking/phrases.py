"""Every phrase of an answer, in three languages; braces hold numbers and names of the facts."""

from typing import Final

from tracking.asking.languages import Language

PHRASES: Final[dict[str, dict[Language, str]]] = {
    "zone": {"en": "Zone {id}", "th": "Zone {id}", "pt": "A zona {id}"},
    "worker": {"en": "Worker {id}", "th": "พนักงาน {id}", "pt": "O trabalhador {id}"},
    "floor": {"en": "The floor", "th": "พื้นที่ทั้งหมด", "pt": "O chão de fábrica"},
    "on_day": {"en": "on {first}", "th": "วันที่ {first}", "pt": "em {first}"},
    "in_range": {
        "en": "from {first} to {last}",
        "th": "ตั้งแต่ {first} ถึง {last}",
        "pt": "de {first} a {last}",
    },
    "today": {"en": "today", "th": "วันนี้", "pt": "hoje"},
    "yesterday": {"en": "yesterday", "th": "เมื่อวาน", "pt": "ontem"},
    "headline": {
        "en": "{what} worked at {productivity_percent}% productivity {when}: {active_hours} h "
        "active, {idle_minutes} min idle, in {sessions} sessions of {people} people.",
        "th": "{what} {when} มีประสิทธิภาพ {productivity_percent}%: ทำงาน {active_hours} ชม. "
        "ว่าง {idle_minutes} นาที รวม {sessions} ครั้ง จาก {people} คน",
        "pt": "{what} teve {productivity_percent}% de produtividade {when}: {active_hours} h em "
        "atividade, {idle_minutes} min em ociosidade, em {sessions} sessões de {people} pessoas.",
    },
    "nothing": {
        "en": "{what}: nothing was seen {when}, so there is nothing to judge.",
        "th": "{what}: ไม่มีข้อมูลการทำงาน{when} จึงยังประเมินไม่ได้",
        "pt": "{what}: nada foi visto {when}; não há o que avaliar.",
    },
    "below": {
        "en": "That is below the usual {usual_percent}% (same weekdays of the last weeks).",
        "th": "ต่ำกว่าค่าปกติ {usual_percent}% (วันเดียวกันของสัปดาห์ก่อนๆ)",
        "pt": "Isso está abaixo dos {usual_percent}% habituais (mesmos dias das últimas semanas).",
    },
    "above": {
        "en": "That is not below the usual {usual_percent}% (same weekdays of the last weeks).",
        "th": "ไม่ต่ำกว่าค่าปกติ {usual_percent}% (วันเดียวกันของสัปดาห์ก่อนๆ)",
        "pt": "Isso não está abaixo dos {usual_percent}% habituais (mesmos dias das últimas "
        "semanas).",
    },
    "no_usual": {
        "en": "There are no earlier weeks to compare it with yet.",
        "th": "ยังไม่มีข้อมูลสัปดาห์ก่อนให้เปรียบเทียบ",
        "pt": "Ainda não há semanas anteriores para comparar.",
    },
    "causes": {"en": "Causes:", "th": "สาเหตุ:", "pt": "Causas:"},
    "idle": {
        "en": "**More idle time**: {idle_minutes} min, usually {usual_idle_minutes} min.",
        "th": "**Idle time สูงกว่าปกติ**: {idle_minutes} นาที (ปกติ {usual_idle_minutes} นาที)",
        "pt": "**Mais ociosidade**: {idle_minutes} min, normalmente {usual_idle_minutes} min.",
    },
    "fewer_people": {
        "en": "**Fewer people than usual**: {people}, usually {usual_people}.",
        "th": "**พนักงานน้อยกว่าปกติ**: {people} คน (ปกติ {usual_people} คน)",
        "pt": "**Menos pessoas que o normal**: {people}, normalmente {usual_people}.",
    },
    "unseen": {
        "en": "**Not everything was seen**: {unseen_minutes} min ( "
        "{unseen_percent}%) are unseen and "
        "count as neither active nor idle.",
        "th": "**มองไม่เห็นบางช่วง**: {unseen_minutes} นาที ( {unseen_percent}%) ไม่นับเป็นทำงานหรือว่าง",
        "pt": "**Nem tudo foi visto**: {unseen_minutes} min ({unseen_percent}%) não foram vistos e "
        "não contam como atividade nem ociosidade.",
    },
    "anomalies": {
        "en": "**Anomalies**: {count}.",
        "th": "**ความผิดปกติ**: {count} รายการ",
        "pt": "**Anomalias**: {count}.",
    },
    "anomaly": {
        "en": "   - {time}: {description}{cause}",
        "th": "   - {time}: {description}{cause}",
        "pt": "   - {time}: {description}{cause}",
    },
    "because": {"en": " (cause: {text})", "th": " (สาเหตุ: {text})", "pt": " (causa: {text})"},
    "none": {
        "en": "Nothing unusual stands out in the facts.",
        "th": "ไม่พบสิ่งผิดปกติจากข้อมูล",
        "pt": "Nada de incomum se destaca nos fatos.",
    },
    "similar": {
        "en": "**Something alike** on {day}: {description}{cause}",
        "th": "**เหตุการณ์คล้ายกัน** เมื่อ {day}: {description}{cause}",
        "pt": "**Algo parecido** em {day}: {description}{cause}",
    },
    "advice": {"en": "**Advice**:", "th": "**คำแนะนำ**:", "pt": "**Recomendações**:"},
    "do_idle": {
        "en": "Ask what people waited for; keep a buffer of the parts that are used most.",
        "th": "ตรวจสอบว่าพนักงานรออะไร และเพิ่ม buffer stock ของชิ้นส่วนที่ใช้บ่อย",
        "pt": "Verifique o que se esperava; mantenha um estoque das peças mais usadas.",
    },
    "do_fewer_people": {
        "en": "Bring the zone's staffing back to its usual number.",
        "th": "จัดพนักงานให้ครบตามจำนวนปกติ",
        "pt": "Recomponha a equipe habitual da zona.",
    },
    "do_unseen": {
        "en": "Check the camera: until then the figures speak only of what was seen.",
        "th": "ตรวจสอบกล้อง: ตัวเลขนี้มาจากช่วงที่มองเห็นเท่านั้น",
        "pt": "Verifique a câmera: os números falam apenas do que foi visto.",
    },
    "do_anomalies": {
        "en": "Note the root cause of each anomaly when you resolve it: the next answer uses it.",
        "th": "บันทึกสาเหตุเมื่อปิดความผิดปกติแต่ละรายการ เพื่อใช้ในครั้งต่อไป",
        "pt": "Registre a causa raiz ao resolver cada anomalia: a próxima resposta a usará.",
    },
    "do_none": {
        "en": "No action follows from the facts.",
        "th": "ไม่มีสิ่งที่ต้องดำเนินการจากข้อมูลนี้",
        "pt": "Os fatos não pedem nenhuma ação.",
    },
    "unknown": {
        "en": "There is no zone or worker {id} on this floor.",
        "th": "ไม่พบพื้นที่หรือพนักงาน {id}",
        "pt": "Não existe zona nem trabalhador {id} neste chão de fábrica.",
    },
    "present": {
        "en": "People in {zone} now: {count} ({status}).",
        "th": "ขณะนี้มี {count} คนใน {zone} ({status})",
        "pt": "Pessoas em {zone} agora: {count} ({status}).",
    },
    "person": {
        "en": "- {name} ({id}): {state}, for {minutes} min",
        "th": "- {name} ({id}): {state} มา {minutes} นาที",
        "pt": "- {name} ({id}): {state}, há {minutes} min",
    },
    "alerts": {
        "en": "There are {alerts} alerts and {anomalies} anomalies {when}; {open} alerts are open.",
        "th": "{when} มีการแจ้งเตือน {alerts} รายการ ความผิดปกติ {anomalies} รายการ "
        "ยังเปิดอยู่ {open} รายการ",
        "pt": "Há {alerts} alertas e {anomalies} anomalias {when}; {open} alertas abertos.",
    },
    "ranking": {
        "en": "By productivity {when}:",
        "th": "เรียงตามประสิทธิภาพ {when}:",
        "pt": "Por produtividade {when}:",
    },
    "ranked": {
        "en": "{place}. {name} ({id}): {productivity_percent}%, {active_hours} h active",
        "th": "{place}. {name} ({id}): {productivity_percent}% ทำงาน {active_hours} ชม.",
        "pt": "{place}. {name} ({id}): {productivity_percent}%, {active_hours} h em atividade",
    },
    "cameras": {
        "en": "{active} of {total} cameras are active; {unseen_minutes} min were unseen {when}.",
        "th": "กล้องทำงาน {active} จาก {total} ตัว มองไม่เห็น {unseen_minutes} นาที {when}",
        "pt": "{active} de {total} câmeras estão ativas; {unseen_minutes} min não vistos {when}.",
    },
    "camera": {
        "en": "- {id}: {status}",
        "th": "- {id}: {status}",
        "pt": "- {id}: {status}",
    },
    "step_read": {
        "en": "1. Read as: {intent}, {what}, {when}",
        "th": "1. เข้าใจคำถามเป็น: {intent}, {what}, {when}",
        "pt": "1. Entendido como: {intent}, {what}, {when}",
    },
    "step_facts": {
        "en": "2. Facts by fixed queries: {queries}",
        "th": "2. ข้อมูลจากคำสั่งที่กำหนดไว้: {queries}",
        "pt": "2. Fatos por consultas fixas: {queries}",
    },
    "step_vectors": {
        "en": "3. Searched past anomalies by meaning: {count} alike",
        "th": "3. ค้นหาเหตุการณ์ที่คล้ายกันในอดีต: พบ {count} รายการ",
        "pt": "3. Busca por anomalias passadas semelhantes: {count}",
    },
}


def say(phrase: str, language: Language, **values: object) -> str:
    """One phrase with its values."""
    return PHRASES[phrase][language].format(**values)

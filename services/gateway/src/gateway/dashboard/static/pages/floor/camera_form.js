/** A new camera. */

import { api } from "../../app/api.js";
import { t } from "../../app/language.js";
import { tell } from "../../app/toasts.js";
import { html, useState } from "../../app/view.js";
import { Dialog } from "../../parts/dialogs.js";
import { Field } from "../../parts/fields.js";

/** The dialog that adds one. */
export function CameraForm({ onDone }) {
  const [draft, setDraft] = useState({
    camera_id: "",
    name: "",
    rtsp_url: "",
    location: "",
    resolution: "1920x1080",
    fps: "10",
  });
  const [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({}));
  const set = (name) => (value) => setDraft((old) => ({ ...old, [name]: value }));
  const submit = async (event) => {
    event.preventDefault();
    try {
      await api("/api/v1/cameras", { method: "POST", body: { ...draft, fps: Number(draft.fps) } });
      tell(t("Added."));
      onDone();
    } catch (error) {
      setErrors(error.fields);
      tell(t(error.message), "bad");
    }
  };
  return html`<${Dialog} title=${t("Add a camera")} onClose=${onDone}><form onSubmit=${submit}>
    <${Field} label=${t("Id")} name="camera_id" value=${draft.camera_id} onInput=${set("camera_id")}
      error=${errors.camera_id} required />
    <${Field} label=${t("Name")} name="camera-name" value=${draft.name} onInput=${set("name")}
      error=${errors.name} required />
    <${Field} label=${t("Address")} name="rtsp_url" value=${draft.rtsp_url}
      onInput=${set("rtsp_url")} error=${errors.rtsp_url} required
        placeholder="rtsp://192.168.1.100:554/stream1"
          hint=${t("User and password in it are kept secret.")} />
    <${Field} label=${t("Location")} name="location" value=${draft.location}
      onInput=${set("location")} />
    <div class="row nowrap-row"><${Field} label=${t("Resolution")} name="resolution"
      value=${draft.resolution} onInput=${set("resolution")} error=${errors.resolution} />
      <${Field} label=${t("Pictures a second")} name="fps" type="number" min="1" max="240"
        value=${draft.fps} onInput=${set("fps")} error=${errors.fps} /></div>
    <div class="row end"><button class="button main">${t("Add")}</button></div></form><//>`;
}

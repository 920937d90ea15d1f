// Owns the choice between several cameras, microphones or loudspeakers; a hall with one of each never sees it.
import type { Session } from "../session.ts";
import { t } from "../words.ts";

export function DeviceChoices({ session }: { session: Session }) {
  const { devices, wishes } = session;
  const camera = devices.camera.value?.getSettings().deviceId ?? "";
  const microphone = devices.microphone.value?.getSettings().deviceId ?? "";
  return (
    <>
      <Choice devices={devices.list.value} kind="videoinput" name={t("Camera")} chosen={camera} choose={(id) => void devices.choose("video", id)} />
      <Choice devices={devices.list.value} kind="audioinput" name={t("Micrô")} chosen={microphone} choose={(id) => void devices.choose("audio", id)} />
      {"setSinkId" in HTMLMediaElement.prototype && (
        <Choice devices={devices.list.value} kind="audiooutput" name={t("Loa")} chosen={wishes.speaker.value} choose={(id) => wishes.setSpeaker(id)} />
      )}
    </>
  );
}

interface ChoiceProps {
  devices: MediaDeviceInfo[];
  kind: MediaDeviceKind;
  name: string;
  chosen: string;
  choose: (id: string) => void;
}

function Choice({ devices, kind, name, chosen, choose }: ChoiceProps) {
  const there = devices.filter((one) => one.kind === kind && one.deviceId !== "");
  if (there.length < 2) return null;
  const known = there.some((one) => one.deviceId === chosen);
  return (
    <label class="choice">
      {name}
      <select data-choice={kind} value={known ? chosen : there[0]?.deviceId} onChange={(event) => choose(event.currentTarget.value)}>
        {there.map((one) => <option key={one.deviceId} value={one.deviceId}>{one.label}</option>)}
      </select>
    </label>
  );
}

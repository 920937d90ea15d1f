// Owns drawing an icon inline.
import { type IconName, icons } from "./icons.ts";

export function Icon({ name }: { name: IconName }) {
  return <svg class="ic" viewBox="0 0 24 24" aria-hidden="true" dangerouslySetInnerHTML={{ __html: icons[name] }} />;
}

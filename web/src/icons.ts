// Owns the icons: one drawing each on a 24 by 24 grid, used by scripts inline and by pages through the sprite.
// No import here: the build reads this module directly.
const dot = (x: number, y: number, r: number) => `<circle cx="${x}" cy="${y}" r="${r}" fill="currentColor" stroke="none"/>`;
const solid = (d: string) => `<path d="${d}" fill="currentColor" stroke="none"/>`;

export const icons = {
  alarm: `<path d="M12 4 21.5 20h-19zM12 10v4.5"/>${dot(12, 17.2, 1.15)}`,
  absent: '<circle cx="12" cy="12" r="7" stroke-dasharray="3.5 3"/>',
  back: '<path d="m15 5-7 7 7 7"/>',
  book: '<path d="M5 4.5h13.500v15H6.500A1.500 1.500 0 0 1 5 18zM5 18a1.500 1.500 0 0 1 1.500-1.500h12M9 8h6"/>',
  calendar: '<rect x="3.5" y="5" width="17" height="15.5" rx="1.5"/><path d="M3.500 10h17M8 3v4M16 3v4"/>',
  camera: '<rect x="2.5" y="6" width="13" height="12" rx="2"/><path d="m15.5 10.5 6-3.5v10l-6-3.5"/>',
  "camera-off": '<path d="M7.500 6h6a2 2 0 0 1 2 2v5M15.500 10.500l6-3.500v10l-3-1.700M15 17.300a2 2 0 0 1-1.500.7h-9a2 2 0 0 1-2-2V8a2 2 0 0 1 1.600-2M3.500 3.500l16.500 17"/>',
  chat: '<path d="M4 5h16v11H11l-4.500 4v-4H4z"/><path d="M8 9h8M8 12h5"/>',
  check: '<path d="m5 12.5 4.500 4.500L19 7.500"/>',
  clock: '<circle cx="12" cy="12" r="9"/><path d="M12 6.500V12l3.500 2.200"/>',
  close: '<path d="m6 6 12 12M18 6 6 18"/>',
  console: '<path d="M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z"/>',
  document: '<path d="M6 3h8l4.500 4.500V21H6zM14 3v4.500h4.500M9 12.500h6.500M9 16.500h6.500"/>',
  done: '<circle cx="12" cy="12" r="9"/><path d="m8 12.300 2.800 2.800L16 9.500"/>',
  down: '<path d="m5 9 7 7 7-7"/>',
  download: '<path d="M12 4v11M7.500 11 12 15.500 16.500 11M4.500 20h15"/>',
  floor: '<rect x="9" y="3" width="6" height="11" rx="3"/><path d="M5.5 11a6.5 6.5 0 0 0 13 0M12 17.500V21M8.500 21h7"/>',
  folder: '<path d="M3.500 6.500h6l2 2.500h9v11h-17z"/>',
  forward: '<path d="m9 5 7 7-7 7"/>',
  hand: '<path d="M7 12.500V6.200a1.500 1.500 0 0 1 3 0V11M10 11V4.500a1.500 1.500 0 0 1 3 0V11M13 11V5.700a1.500 1.500 0 0 1 3 0V12M16 12V8.700a1.500 1.500 0 0 1 3 0V15a6.500 6.500 0 0 1-6.500 6.500c-2.800 0-4.300-1.300-5.500-3.500l-2.800-5a1.500 1.500 0 0 1 2.600-1.500L8 13.500"/>',
  home: '<path d="M4 11.500 12 4l8 7.500V20h-5.500v-5.500h-5V20H4z"/>',
  info: `<circle cx="12" cy="12" r="9"/><path d="M12 11v6"/>${dot(12, 7.6, 1.2)}`,
  leave: '<path d="M14 4H5v16h9M10 12h11M17 8l4 4-4 4"/>',
  link: '<path d="M10 14a4 4 0 0 0 5.700 0l3-3A4 4 0 0 0 13 5.300L11.800 6.500M14 10a4 4 0 0 0-5.700 0l-3 3a4 4 0 0 0 5.700 5.700l1.200-1.200"/>',
  "link-off": '<path d="M15 17.500a4 4 0 0 1-4 1.200M8.500 8.500 5.300 11.700A4 4 0 0 0 8 18.500M15.500 15.500l3.200-3.200A4 4 0 0 0 13 6.700l-1.200 1.100M4 4l16 16"/>',
  list: '<path d="M4 7h16M4 12h16M4 17h10"/>',
  lock: '<rect x="5" y="10.5" width="14" height="10" rx="1.5"/><path d="M8 10.500V8a4 4 0 0 1 8 0v2.500"/>',
  "lock-open": '<rect x="5" y="10.5" width="14" height="10" rx="1.5"/><path d="M8 10.500V8a4 4 0 0 1 7.700-1.600"/>',
  mail: '<rect x="3" y="5.5" width="18" height="13.5" rx="1.5"/><path d="m3.500 7 8.500 6.500L20.500 7"/>',
  megaphone: '<path d="M4 9.500v5h3l9 4.500V5L7 9.500zM7 14.500l1 5h2.500l-1-4M19 10a3 3 0 0 1 0 4"/>',
  mic: '<rect x="9" y="3" width="6" height="11" rx="3"/><path d="M5.5 11a6.5 6.5 0 0 0 13 0M12 17.500V21M8.500 21h7"/>',
  "mic-off": '<path d="M9 9.500V6a3 3 0 0 1 6 0v5.200M9.200 13A3 3 0 0 0 13 13.800M5.500 11a6.500 6.500 0 0 0 9.800 5.600M18.500 11a6.400 6.400 0 0 1-.7 3M12 17.500V21M8.500 21h7M4 3.500l16 17"/>',
  minus: '<path d="M5 12h14"/>',
  moon: '<path d="M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10z"/>',
  pause: solid("M6.500 5h4v14h-4zM13.500 5h4v14h-4z"),
  person: '<circle cx="12" cy="8" r="4"/><path d="M4.500 20.500a7.500 7.500 0 0 1 15 0"/>',
  persons: '<circle cx="9" cy="8.500" r="3.500"/><path d="M2.500 20a6.500 6.500 0 0 1 13 0M15.500 5.300a3.500 3.500 0 0 1 0 6.400M17.500 14.200a6.500 6.500 0 0 1 4 5.800"/>',
  phone: '<path d="M6.500 3.500 9.500 4l1 4-2.300 1.700a13 13 0 0 0 6 6L16 13.500l4 1 .5 3a2.500 2.500 0 0 1-2.700 2.700A16 16 0 0 1 3.800 6.200 2.500 2.500 0 0 1 6.500 3.500z"/>',
  play: solid("M7 4.500v15l12.500-7.500z"),
  plus: '<path d="M12 5v14M5 12h14"/>',
  point: '<rect x="3" y="4.5" width="18" height="12.5" rx="1.500"/><path d="M8.500 20.500h7M12 17v3.500"/>',
  print: '<path d="M7 8V3.500h10V8M7 17H4V8.500h16V17h-3M7 14h10v6.500H7z"/>',
  record: dot(12, 12, 6),
  remove: '<circle cx="10" cy="8" r="4"/><path d="M2.500 20.500a7.500 7.500 0 0 1 13-5M16.500 16.500l5 5M21.500 16.500l-5 5"/>',
  screen: '<rect x="3" y="4.5" width="18" height="12.5" rx="1.500"/><path d="M8.500 20.500h7M12 14V8M9 10.500l3-3 3 3"/>',
  search: '<circle cx="10.500" cy="10.500" r="6.500"/><path d="m15.500 15.500 5 5"/>',
  settings: '<path d="M4 7h9M17 7h3M4 12h3M11 12h9M4 17h11M19 17h1"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="12" r="2"/><circle cx="17" cy="17" r="2"/>',
  shield: '<path d="M12 3 5 5.500V11c0 4.500 2.800 8 7 10 4.200-2 7-5.500 7-10V5.500z"/><path d="m9 11.800 2.200 2.200L15.200 10"/>',
  sign: '<path d="M4 17c3-1 4-9 6.500-9s-1 9 1.500 9 2.500-4 4-4 1 3 4 3M4 21h16"/>',
  sound: '<path d="M4 9.500h3.500L12.500 5v14l-5-4.500H4zM15.800 8.800a4.500 4.500 0 0 1 0 6.400M18.500 6a8.500 8.500 0 0 1 0 12"/>',
  "sound-off": '<path d="M4 9.500h3.500L12.500 5v14l-5-4.500H4zM16 9.500l5 5M21 9.500l-5 5"/>',
  stage: '<path d="M3.500 5h17v10h-17zM3.500 18.500h4M10 18.500h4M16.500 18.500h4"/>',
  star: solid("m12 3.500 2.600 5.400 5.900.8-4.300 4.100 1 5.900-5.200-2.800-5.200 2.800 1-5.900L3.500 9.700l5.900-.8z"),
  stop: solid("M6 6h12v12H6z"),
  sun: '<circle cx="12" cy="12" r="4.500"/><path d="M12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M18.700 5.300l-1.400 1.400M6.700 17.300l-1.400 1.400"/>',
  task: '<rect x="4" y="4" width="16" height="16" rx="1.500"/><path d="m8 12 2.800 2.800L16.500 9"/>',
  trash: '<path d="M4.500 7h15M9 7V4.500h6V7M6.500 7l1 13h9l1-13M10 11v5.500M14 11v5.500"/>',
  undo: '<path d="M4 9h10a5.500 5.500 0 0 1 0 11H8M8 5 4 9l4 4"/>',
  again: '<path d="M4 12a8 8 0 1 0 2.600-5.900M4 4v4.500h4.500"/>',
  up: '<path d="m5 15 7-7 7 7"/>',
  upload: '<path d="M12 15.500V4.500M7.500 9 12 4.500 16.500 9M4.500 20h15"/>',
  well: dot(12, 12, 6),
  world: '<circle cx="12" cy="12" r="9"/><path d="M3 12h18M12 3c3 3 3.500 6 3.500 9s-.5 6-3.500 9c-3-3-3.500-6-3.500-9S9 6 12 3z"/>',
} as const;

export type IconName = keyof typeof icons;

/** All icons as symbols of one file, for `<svg class="ic"><use href="icons.svg#name"/></svg>` in pages. */
export function sprite(): string {
  const symbols = Object.entries(icons).map(([name, drawing]) => `<symbol id="${name}" viewBox="0 0 24 24">${drawing}</symbol>`);
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`;
}

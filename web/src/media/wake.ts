// Owns the screen's wakefulness while a meeting is on: a dark television looks like a broken line.
let lock: WakeLockSentinel | null = null;
let wanted = false;

async function hold(): Promise<void> {
  if (!wanted || lock || document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
  try {
    lock = await navigator.wakeLock.request("screen");
    lock.addEventListener("release", () => (lock = null));
  } catch {
    // refused on low battery: nothing to do, the next visibility change asks again
  }
}

export function keepAwake(on: boolean): void {
  wanted = on;
  if (on) void hold();
  else void lock?.release();
}

document.addEventListener("visibilitychange", () => void hold());

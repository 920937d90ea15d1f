// Owns the question why the relay let nobody in: a browser is told nothing of a refused connection, so this asks again.
const TIME_LIMIT_MS = 5_000;

/** The relay is there and opens no more rooms now: about to stop, or with too much to do. */
export class RelayBusy extends Error {}

/** What went wrong with a connection, or that the relay is busy. */
export async function reasonOf(fault: unknown, url: string, token: string): Promise<unknown> {
  return (await isBusy(url, token)) ? new RelayBusy() : fault;
}

async function isBusy(url: string, token: string): Promise<boolean> {
  const address = new URL(url.replace(/^ws/, "http"));
  address.pathname = `${address.pathname.replace(/\/$/, "")}/rtc/validate`;
  address.searchParams.set("access_token", token);
  try {
    return (await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(TIME_LIMIT_MS) })).status === 503;
  } catch {
    return false; // not there at all: that is another thing to say
  }
}

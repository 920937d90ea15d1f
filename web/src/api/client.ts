// Owns one request to the coordinator: headers, time limit, and refusals as errors that carry the user's sentence.
export class Refused extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status: number) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** No answer at all: the coordinator or the way to it is away. */
export class Unreachable extends Error {}

const TIME_LIMIT_MS = 8_000;

function token(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
}

export async function call<Answer>(method: "GET" | "POST", path: string, body?: object, keepalive = false): Promise<Answer> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method === "POST") {
    headers["Content-Type"] = "application/json";
    headers["X-CSRF-Token"] = token();
  }
  const init: RequestInit = { method, headers, keepalive, cache: "no-store", signal: AbortSignal.timeout(TIME_LIMIT_MS) };
  if (method === "POST") init.body = JSON.stringify(body ?? {});
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (cause) {
    throw new Unreachable(String(cause));
  }
  if (!response.ok) throw await refusal(response);
  return (await response.json()) as Answer;
}

async function refusal(response: Response): Promise<Error> {
  try {
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    return new Refused(error.code, error.message, response.status);
  } catch {
    // a proxy's page or nothing at all: not the coordinator's own word
    return new Unreachable(`status ${response.status}`);
  }
}

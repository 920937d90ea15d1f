"""Real Chromium windows for tests, each with a camera and a microphone that play one sender's files."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.senders import Sender, write_wav, write_y4m

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ANY_CONSENT = "--use-fake-ui-for-media-stream"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns,Translate",
    # windows of a test are never on top; their timers and videos must not be slowed for that
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
]


@asynccontextmanager
async def chromium(
    folder: Path,
    sender: Sender | None = None,
    *,
    program: str | Path = CHROMIUM,
    more: Sequence[str] = (),
    shares: str | None = None,
) -> AsyncIterator[Browser]:
    """One browser process; with a sender its camera and microphone are that sender's colour and tone.

    `shares`: the title of the tab it shows to others when asked for a screen. It then grants no camera by itself; the
    context does (`permissions`).
    """
    consent = f"--auto-select-tab-capture-source-by-title={shares}" if shares else ANY_CONSENT
    arguments = _arguments(folder, sender, consent)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=[*arguments, *more])
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def chromium_without_udp(folder: Path, sender: Sender) -> AsyncIterator[BrowserContext]:
    """The same as in a network without UDP: what the browser itself calls disable_non_proxied_udp."""
    profile = folder / "profile" / "Default"
    profile.mkdir(parents=True)
    (profile / "Preferences").write_text('{"webrtc": {"ip_handling_policy": "disable_non_proxied_udp"}}')
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile.parent, executable_path=CHROMIUM, args=_arguments(folder, sender)
        )
        try:
            yield context
        finally:
            await context.close()


def _arguments(folder: Path, sender: Sender | None, consent: str = ANY_CONSENT) -> list[str]:
    arguments = [*QUIET, consent]
    if sender is not None:
        video = write_y4m(folder / f"{sender.name}.y4m", sender)
        audio = write_wav(folder / f"{sender.name}.wav", sender)
        arguments += [
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={video}",
            f"--use-file-for-fake-audio-capture={audio}",
        ]
    return arguments


COLOUR = """async (selector) => {
  const video = document.querySelector(selector);
  if (!video || video.readyState < 2 || !video.videoWidth) return null;
  const canvas = document.createElement('canvas');
  canvas.width = 16; canvas.height = 9;
  const context = canvas.getContext('2d');
  const {videoWidth: w, videoHeight: h} = video;
  context.drawImage(video, w / 4, h / 4, w / 2, h / 2, 0, 0, 16, 9);
  const data = context.getImageData(0, 0, 16, 9).data;
  const sum = [0, 0, 0];
  for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) sum[c] += data[i + c];
  return sum.map((value) => value / (data.length / 4));
}"""

TONE = """async (selector) => {
  const element = document.querySelector(selector);
  const stream = element && element.srcObject;
  if (!stream || !stream.getAudioTracks().length) return null;
  window.__ears ??= new Map();
  let ear = window.__ears.get(selector);
  if (!ear || ear.stream !== stream) {
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 32768; analyser.smoothingTimeConstant = 0;
    context.createMediaStreamSource(stream).connect(analyser);
    ear = {stream, context, analyser};
    window.__ears.set(selector, ear);
  }
  await ear.context.resume();
  await new Promise((resolve) => setTimeout(resolve, 900));
  const bins = new Float32Array(ear.analyser.frequencyBinCount);
  ear.analyser.getFloatFrequencyData(bins);
  let best = 5;
  for (let i = 5; i < bins.length; i++) if (bins[i] > bins[best]) best = i;
  return {hertz: best * ear.context.sampleRate / ear.analyser.fftSize, decibel: bins[best]};
}"""


async def colour_of(page: Page, selector: str) -> tuple[float, float, float] | None:
    """Average colour of the middle of a video element; None while it shows nothing."""
    seen = await page.evaluate(COLOUR, selector)
    return None if seen is None else (seen[0], seen[1], seen[2])


async def tone_of(page: Page, selector: str) -> float | None:
    """Loudest frequency of a media element's stream in hertz; None while it is silent."""
    heard = await page.evaluate(TONE, selector)
    if heard is None or heard["decibel"] is None or heard["decibel"] < -70:
        return None
    return float(heard["hertz"])

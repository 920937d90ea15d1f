// A stock livekit-client in a page: publishes one colour and one tone, and measures what it receives of others.
import {LocalAudioTrack, LocalVideoTrack, Room, RoomEvent, Track, VideoPreset, VideoQuality} from 'livekit-client';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const inFirefox = navigator.userAgent.includes('Firefox');
const data = [];
const events = [];
let room;

// Chromium plays the files that its command line names. Firefox has no such files: it captures a painted canvas
// (whose colours Chromium would encode in a range that others take for brighter), and its fake microphone hums at the
// frequency of its profile.
async function colourTrack([r, g, b], width, height, painted) {
  if (!painted) {
    return (await navigator.mediaDevices.getUserMedia({video: {width, height}})).getVideoTracks()[0];
  }
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const paint = canvas.getContext('2d');
  let step = 0;
  setInterval(() => {
    paint.fillStyle = `rgb(${r},${g},${b})`;
    paint.fillRect(0, 0, width, height);
    paint.fillStyle = '#888';
    step = (step + 8) % width;
    paint.fillRect(step, 8, 16, 16); // something moves, so that there is always something to encode
  }, 66);
  document.body.append(canvas);
  return canvas.captureStream(15).getVideoTracks()[0];
}

async function toneTrack() {
  const plain = {echoCancellation: false, noiseSuppression: false, autoGainControl: false};
  return (await navigator.mediaDevices.getUserMedia({audio: plain})).getAudioTracks()[0];
}

async function join(url, token, options = {}, connecting = {}) {
  room = new Room({adaptiveStream: false, dynacast: false, stopLocalTrackOnUnpublish: false, ...options});
  for (const name of Object.values(RoomEvent)) {
    room.on(name, (...values) => events.push([name, values.filter((one) => ['string', 'number'].includes(typeof one))]));
  }
  room.on(RoomEvent.DataReceived, (payload, from, kind, topic) =>
    data.push({text: new TextDecoder().decode(payload), from: from?.identity, topic}));
  room.on(RoomEvent.TrackSubscribed, (track) => track.kind === 'video' && document.body.append(track.attach()));
  await room.connect(url, token, connecting);
  return {sid: room.localParticipant.sid, remote: [...room.remoteParticipants.keys()]};
}

async function publish(rgb) {
  const [width, height] = [640, 360];
  const camera = new LocalVideoTrack(await colourTrack(rgb, width, height, inFirefox), undefined, true);
  const microphone = new LocalAudioTrack(await toneTrack(), undefined, true);
  const videoEncoding = {maxBitrate: 500_000, maxFramerate: 15};
  const videoSimulcastLayers = [new VideoPreset(width / 2, height / 2, 150_000, 15)];
  await room.localParticipant.publishTrack(microphone, {source: Track.Source.Microphone});
  await room.localParticipant.publishTrack(camera, {
    source: Track.Source.Camera, videoCodec: 'vp8', simulcast: true, videoEncoding, videoSimulcastLayers});
  return [...room.localParticipant.trackPublications.values()].map((one) => one.trackSid);
}

// A camera of full size, with the layers that livekit-client itself chooses for it.
async function publishLarge(rgb) {
  const camera = new LocalVideoTrack(await colourTrack(rgb, 1280, 720, true), undefined, true);
  await room.localParticipant.publishTrack(camera, {source: Track.Source.Camera, videoCodec: 'vp8', simulcast: true});
}

async function unpublish() {
  for (const one of [...room.localParticipant.trackPublications.values()]) {
    await room.localParticipant.unpublishTrack(one.track);
  }
}

function publication(identity, source) {
  return room.remoteParticipants.get(identity)?.getTrackPublication(source);
}

async function seen(identity) {
  const track = publication(identity, Track.Source.Camera)?.track;
  const element = track?.attachedElements[0];
  if (!element?.videoWidth) return null;
  element.play().catch(() => {});
  const canvas = document.createElement('canvas');
  canvas.width = 16;
  canvas.height = 9;
  const paint = canvas.getContext('2d');
  const {videoWidth: width, videoHeight: height} = element;
  paint.drawImage(element, width / 4, height / 4, width / 2, height / 2, 0, 0, 16, 9);
  const pixels = paint.getImageData(0, 0, 16, 9).data;
  const rgb = [0, 1, 2].map((channel) => {
    let sum = 0;
    for (let index = channel; index < pixels.length; index += 4) sum += pixels[index];
    return sum / (pixels.length / 4);
  });
  return {rgb, width, height};
}

// Recorded and decoded instead of analysed live: an AudioContext does not run in Firefox without a sound card.
async function heard(identity) {
  const track = publication(identity, Track.Source.Microphone)?.track;
  if (!track) return null;
  if (!inFirefox && !track.attachedElements.length) track.attach().muted = true; // Chromium decodes only what is played
  const recorder = new MediaRecorder(new MediaStream([track.mediaStreamTrack]));
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const stopped = new Promise((resolve) => { recorder.onstop = resolve; });
  recorder.start();
  await pause(1200);
  recorder.stop();
  await stopped;
  const bytes = await new Blob(parts).arrayBuffer();
  if (!bytes.byteLength) return {hertz: 0, level: 0};
  const sound = await new OfflineAudioContext(1, 48000, 48000).decodeAudioData(bytes).catch(() => null);
  return sound ? loudest(sound.getChannelData(0), sound.sampleRate) : {hertz: 0, level: 0};
}

// Goertzel's algorithm over the range that tests use; the loudest frequency and its share of full scale.
function loudest(samples, rate) {
  const part = samples.subarray(Math.max(0, samples.length - rate));
  let best = {hertz: 0, level: 0};
  for (let hertz = 100; hertz < 2000; hertz += 4) {
    const turn = 2 * Math.cos((2 * Math.PI * hertz) / rate);
    let last = 0;
    let older = 0;
    for (const sample of part) [older, last] = [last, sample + turn * last - older];
    const level = (2 * Math.sqrt(Math.max(0, last * last + older * older - turn * last * older))) / part.length;
    if (level > best.level) best = {hertz, level};
  }
  return best;
}

// Milliseconds from the wish to join to the first decoded picture of anybody, with a room of its own.
async function firstPicture(url, token) {
  const visit = new Room({adaptiveStream: false});
  const began = performance.now();
  const shown = new Promise((resolve) => {
    visit.on(RoomEvent.TrackSubscribed, (track) => {
      if (track.kind !== 'video') return;
      const element = track.attach();
      element.requestVideoFrameCallback(() => resolve(performance.now() - began));
      document.body.append(element);
    });
  });
  await visit.connect(url, token);
  const elapsed = await shown;
  await visit.disconnect();
  return elapsed;
}

// How each transport goes: the protocol of its selected pair and the kind of its own candidate.
async function ways() {
  const {publisher, subscriber} = room.engine.pcManager;
  const found = {};
  for (const [name, transport] of Object.entries({publisher, subscriber})) {
    const report = await transport.getStats();
    const used = [...report.values()].find((one) => one.type === 'candidate-pair' && one.nominated && one.state === 'succeeded');
    const local = used && report.get(used.localCandidateId);
    found[name] = local && [local.candidateType, local.relayProtocol ?? local.protocol];
  }
  return found;
}

window.client = {
  ways,
  firstPicture,
  join,
  publish,
  publishLarge,
  unpublish,
  seen,
  heard,
  data: () => data,
  events: () => events,
  happened: (name) => events.filter(([one]) => one === name).length,
  sid: () => room.localParticipant.sid,
  state: () => room.state,
  others: () => [...room.remoteParticipants.keys()],
  attributes: (identity) => room.remoteParticipants.get(identity)?.attributes ?? null,
  muted: (identity, source) => publication(identity, source)?.isMuted ?? null,
  wants: (identity, high) =>
    publication(identity, Track.Source.Camera).setVideoQuality(high ? VideoQuality.HIGH : VideoQuality.LOW),
  shows: (identity, enabled) => publication(identity, Track.Source.Camera).setEnabled(enabled),
  say: (text, topic, to) => room.localParticipant.publishData(
    new TextEncoder().encode(text), {reliable: true, topic, destinationIdentities: to}),
  mute: (muted) => room.localParticipant.setMicrophoneEnabled(!muted),
  describe: (attributes) => room.localParticipant.setAttributes(attributes),
  speaking: () => room.activeSpeakers.map((one) => one.identity),
  published: () => [...room.localParticipant.trackPublications.values()].map((one) => one.source),
  simulate: (what) => room.simulateScenario(what),
  stats: async () => {
    const lines = [];
    for (const one of room.localParticipant.trackPublications.values()) {
      const report = await one.track.sender.getStats();
      report.forEach((s) => s.type === 'outbound-rtp' && lines.push([s.kind, s.rid, s.framesEncoded, s.packetsSent]));
    }
    return lines;
  },
  room: () => room,
  leave: () => room.disconnect(),
};

// A stock livekit-client in a page: publishes one colour and one tone, and measures what it receives of others.
import {
  BackupCodecPolicy, ExternalE2EEKeyProvider, LocalAudioTrack, LocalVideoTrack, Room, RoomEvent,
  RpcError, supportsAV1, supportsVP9, Track, VideoPreset, VideoQuality,
} from 'livekit-client';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const inFirefox = navigator.userAgent.includes('Firefox');
const data = [];
const texts = [];
const files = [];
const events = [];
const qualities = {};
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

// Two channels that differ: the microphone's tone on the left, nothing on the right.
async function leftToneTrack() {
  const context = new AudioContext({sampleRate: 48000});
  await context.resume();
  const merger = context.createChannelMerger(2);
  context.createMediaStreamSource(new MediaStream([await toneTrack()])).connect(merger, 0, 0);
  const out = new MediaStreamAudioDestinationNode(context, {channelCount: 2});
  merger.connect(out);
  return out.stream.getAudioTracks()[0];
}

async function join(url, token, options = {}, connecting = {}) {
  const {secret, ...plain} = options;
  const own = {adaptiveStream: false, dynacast: false, stopLocalTrackOnUnpublish: false};
  if (secret) {
    const keyProvider = new ExternalE2EEKeyProvider();
    await keyProvider.setKey(secret);
    own.encryption = {keyProvider, worker: new Worker('e2ee.js')};
  }
  room = new Room({...own, ...plain});
  for (const name of Object.values(RoomEvent)) {
    room.on(name, (...values) => events.push([name, values.filter((one) => ['string', 'number'].includes(typeof one))]));
  }
  listen();
  if (secret) await room.setE2EEEnabled(true);
  await room.connect(url, token, connecting);
  return {sid: room.localParticipant.sid, remote: [...room.remoteParticipants.keys()]};
}

function listen() {
  room.on(RoomEvent.DataReceived, (payload, from, kind, topic) =>
    data.push({text: new TextDecoder().decode(payload), from: from?.identity, topic}));
  room.on(RoomEvent.TrackSubscribed, (track) => track.kind === 'video' && document.body.append(track.attach()));
  room.on(RoomEvent.ConnectionQualityChanged, (quality, of) => { qualities[of.identity] = quality; });
  room.registerTextStreamHandler('words', async (reader, {identity}) =>
    texts.push({from: identity, text: await reader.readAll()}));
  room.registerByteStreamHandler('files', async (reader, {identity}) => {
    const parts = await reader.readAll();
    files.push({from: identity, name: reader.info.name, size: parts.reduce((sum, part) => sum + part.length, 0)});
  });
  room.registerRpcMethod('greet', async ({callerIdentity, payload}) => `${payload}, ${callerIdentity}`);
  room.registerRpcMethod('refuse', async () => { throw new RpcError(1507, 'not today'); });
}

// Why a join fails, as the client tells the application.
async function refusal(url, token) {
  const visit = new Room();
  try {
    await visit.connect(url, token);
    await visit.disconnect();
    return null;
  } catch (error) {
    return {reason: error.reasonName ?? String(error.reason), status: error.status ?? null, message: error.message};
  }
}

async function publish(rgb) {
  await publishSound();
  await publishPicture(rgb);
  return [...room.localParticipant.trackPublications.values()].map((one) => one.trackSid);
}

async function publishSound(options = {}) {
  const {left, ...rest} = options;
  const microphone = new LocalAudioTrack(await (left ? leftToneTrack() : toneTrack()), undefined, true);
  await room.localParticipant.publishTrack(microphone, {source: Track.Source.Microphone, ...rest});
}

async function publishPicture(rgb, options = {}) {
  const {width = 640, height = 360, painted = inFirefox, beside, ...rest} = options;
  if (beside) rest.backupCodecPolicy = BackupCodecPolicy.SIMULCAST;
  const camera = new LocalVideoTrack(await colourTrack(rgb, width, height, painted), undefined, true);
  const videoEncoding = {maxBitrate: 500_000, maxFramerate: 15};
  const videoSimulcastLayers = [new VideoPreset(width / 2, height / 2, 150_000, 15)];
  await room.localParticipant.publishTrack(camera, {
    source: Track.Source.Camera, videoCodec: 'vp8', simulcast: true, backupCodec: false, videoEncoding,
    videoSimulcastLayers, ...rest});
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

async function seen(identity, source = Track.Source.Camera) {
  const track = publication(identity, source)?.track;
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
  const channels = await listenTo(identity);
  return channels && channels[0];
}

// Each of two channels by itself.
const heardStereo = (identity) => listenTo(identity, 2);

async function listenTo(identity, count = 1) {
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
  const none = Array.from({length: count}, () => ({hertz: 0, level: 0}));
  if (!bytes.byteLength) return none;
  const sound = await new OfflineAudioContext(count, 48000, 48000).decodeAudioData(bytes).catch(() => null);
  if (!sound || sound.numberOfChannels < count) return none;
  return none.map((_, index) => loudest(sound.getChannelData(index), sound.sampleRate));
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

function transports() {
  const {publisher, subscriber} = room.engine.pcManager;
  return Object.entries({publisher, subscriber}).filter(([, transport]) => transport);
}

// How each transport goes: the protocol of its selected pair and the kind of its own candidate.
async function ways() {
  const found = {};
  for (const [name, transport] of transports()) {
    const report = await transport.getStats();
    const used = [...report.values()].find((one) => one.type === 'candidate-pair' && one.nominated && one.state === 'succeeded');
    const local = used && report.get(used.localCandidateId);
    const far = used && report.get(used.remoteCandidateId);
    found[name] = local && [local.candidateType, local.relayProtocol ?? local.protocol, far.address.includes(':') ? 'ipv6' : 'ipv4'];
  }
  return found;
}

// Streams as the browser counts them: kind, codec, layer, width, and frames or packets by now.
async function streams(type) {
  const found = [];
  for (const [, transport] of transports()) {
    const report = await transport.getStats();
    for (const one of report.values()) {
      if (one.type !== type || !one.codecId) continue;
      found.push({
        kind: one.kind, codec: report.get(one.codecId).mimeType.toLowerCase(), rid: one.rid ?? '',
        width: one.frameWidth ?? 0, mode: one.scalabilityMode ?? '',
        count: (type === 'outbound-rtp' ? one.framesEncoded : one.framesDecoded) ?? one.packetsSent ?? one.packetsReceived,
      });
    }
  }
  return found;
}

// As if the browser had never heard of a codec: it is in none of its offers and answers.
function lack(name) {
  for (const method of ['createOffer', 'createAnswer']) {
    const original = RTCPeerConnection.prototype[method];
    RTCPeerConnection.prototype[method] = async function (...options) {
      const description = await original.apply(this, options);
      return {type: description.type, sdp: without(description.sdp, name)};
    };
  }
}

// As if nothing but this got through to the server ('tcp', 'ipv6'): the browser hears of no other candidates.
function hearOnly(way) {
  const fits = {tcp: (words) => words[2].toLowerCase() === 'tcp', ipv6: (words) => words[4].includes(':')}[way];
  const original = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function ({type, sdp}) {
    const heard = sdp.split('\r\n').filter((line) => !line.startsWith('a=candidate:') || fits(line.split(' ')));
    return original.call(this, {type, sdp: heard.join('\r\n')});
  };
}

function without(sdp, name) {
  const media = [...sdp.matchAll(new RegExp(`^a=rtpmap:(\\d+) ${name}/`, 'gim'))].map((found) => found[1]);
  const repair = [...sdp.matchAll(/^a=fmtp:(\d+) apt=(\d+)/gm)].filter((found) => media.includes(found[2]));
  const gone = new Set([...media, ...repair.map((found) => found[1])]);
  const refused = [];
  const sections = sdp.split(/^(?=m=)/m).map((section) => {
    const [line, ...lines] = section.split('\r\n'), words = line.split(' ');
    const kept = words.filter((word, at) => at < 3 || !gone.has(word));
    if (words[0] !== 'm=video' || kept.length === words.length) return section;
    if (kept.length === 3) {  // nothing is left of it: it is refused, as by a browser without the codec
      refused.push(section.match(/^a=mid:(.*)\r$/m)[1]);
      return [`m=video 0 ${words.slice(2).join(' ')}`, ...lines].join('\r\n').replace(/^a=(recvonly|sendrecv)/m, 'a=inactive');
    }
    const dropped = (one) => gone.has(one.match(/^a=(?:rtpmap|fmtp|rtcp-fb):(\d+)/)?.[1]);
    return [kept.join(' '), ...lines.filter((one) => !dropped(one))].join('\r\n');
  });
  return sections.join('').replace(/^a=group:BUNDLE (.*)\r$/m, (_, mids) =>
    `a=group:BUNDLE ${mids.split(' ').filter((mid) => !refused.includes(mid)).join(' ')}\r`);
}

// The tile that shows somebody; clients with adaptive stream ask for the layer that fills it.
function resize(identity, width, height) {
  const {style} = publication(identity, Track.Source.Camera).track.attachedElements[0];
  Object.assign(style, {width: `${width}px`, height: `${height}px`, display: width ? 'block' : 'none'});
}

// Bytes that do not compress.
function noise(size) {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536) crypto.getRandomValues(bytes.subarray(at, Math.min(size, at + 65536)));
  return bytes;
}

async function remoteError(call) {
  try {
    return {answer: await call()};
  } catch (error) {
    return {code: error.code, message: error.message};
  }
}

window.client = {
  ways,
  streams,
  lack,
  hearOnly,
  resize,
  refusal,
  firstPicture,
  join,
  publish,
  publishSound,
  publishPicture,
  publishLarge,
  unpublish,
  seen,
  heard,
  heardStereo,
  can: (codec) => ({vp8: true, vp9: supportsVP9(), av1: supportsAV1()}[codec]
    ?? RTCRtpSender.getCapabilities('video').codecs.some((one) => one.mimeType.toLowerCase() === `video/${codec}`)),
  decodes: (codec) => RTCRtpReceiver.getCapabilities('video').codecs.some((one) => one.mimeType.toLowerCase() === `video/${codec}`),
  data: () => data,
  texts: () => texts,
  files: () => files,
  qualities: () => qualities,
  events: () => events,
  happened: (name) => events.filter(([one]) => one === name).length,
  sid: () => room.localParticipant.sid,
  state: () => room.state,
  single: () => !room.engine.pcManager.subscriber,
  others: () => [...room.remoteParticipants.keys()],
  known: (identity) => {
    const one = room.remoteParticipants.get(identity);
    return one ? {name: one.name, metadata: one.metadata ?? '', attributes: one.attributes} : null;
  },
  roomMetadata: () => room.metadata ?? '',
  permissions: () => room.localParticipant.permissions && {
    publish: room.localParticipant.permissions.canPublish, data: room.localParticipant.permissions.canPublishData},
  attributes: (identity) => room.remoteParticipants.get(identity)?.attributes ?? null,
  muted: (identity, source) => publication(identity, source)?.isMuted ?? null,
  mutedHere: () => room.localParticipant.getTrackPublication(Track.Source.Microphone)?.isMuted ?? null,
  sources: (identity) => [...(room.remoteParticipants.get(identity)?.trackPublications.values() ?? [])].map((one) => one.source),
  subscribe: (identity, source, wanted) => publication(identity, source).setSubscribed(wanted),
  subscribed: (identity, source) => Boolean(publication(identity, source)?.track),
  permit: (identities) => room.localParticipant.setTrackSubscriptionPermissions(
    identities === null, (identities ?? []).map((participantIdentity) => ({participantIdentity, allowAll: true}))),
  wants: (identity, high) =>
    publication(identity, Track.Source.Camera).setVideoQuality(high ? VideoQuality.HIGH : VideoQuality.LOW),
  shows: (identity, enabled) => publication(identity, Track.Source.Camera).setEnabled(enabled),
  say: (text, topic, to, lossy) => room.localParticipant.publishData(
    new TextEncoder().encode(text), {reliable: !lossy, topic, destinationIdentities: to}),
  sendText: (text, to) => room.localParticipant.sendText(text, {topic: 'words', destinationIdentities: to}),
  sendFile: (name, size) => room.localParticipant.sendBytes(noise(size), {name, topic: 'files'}),
  call: (identity, method, payload) => remoteError(() =>
    room.localParticipant.performRpc({destinationIdentity: identity, method, payload})),
  mute: (muted) => room.localParticipant.setMicrophoneEnabled(!muted),
  describe: (attributes) => room.localParticipant.setAttributes(attributes),
  rename: (name) => room.localParticipant.setName(name),
  annotate: (metadata) => room.localParticipant.setMetadata(metadata),
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

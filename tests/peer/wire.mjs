// Every message of PROTOCOL.md section 2, as a table, with one encoder and one decoder that walk it.

/** A message that breaks the document: whoever meets one ends the connection. */
export class ProtocolError extends Error {}

const UNKNOWN_TIME = 2n ** 64n - 1n;
export const CODES = ['ok', 'usage', 'unauthenticated', 'denied', 'expired', 'not_found', 'frozen', 'conflict', 'busy',
  'no_space', 'io', 'corrupt', 'unavailable', 'internal'];
const STATES = { 1: 'unfinished', 2: 'finished' };
const EPOCH_STATES = { 1: 'open', 2: 'closing', 3: 'retired' };
const SCRUB_STATES = { 1: 'idle', 2: 'running', 3: 'stopped', 4: 'done' };
export const FINDINGS = { ...[null, 'row', 'wrap', 'missing_row', 'extra_row', 'misfiled', 'mismatch', 'missing_file',
  'short_file', 'checksum', 'manifest', 'orphan_file', 'unreadable', 'index', 'unknown'] };
delete FINDINGS[0];
const INCIDENT_WHATS = {
  1: 'opened', 2: 'aware_at', 3: 'noticed_by', 4: 'cause', 5: 'contained_at', 6: 'authority_notified',
  7: 'people_contacted', 8: 'not_reported', 9: 'contact', 10: 'consequences', 11: 'measures', 12: 'remark',
  13: 'wrong', 14: 'report',
};
const ERASURES = { 0: 'none', 1: 'pending', 2: 'final' };
/** What a freeze stops. */
const SCOPES = { ...[null, 'all', 'patient', 'recording', 'service', 'issuer', 'grant', 'actor'] };
delete SCOPES[0];
const ALARM_KINDS = { ...[null, 'misfiled', 'foreign', 'consultation_conflict', 'corrupt', 'break_glass', 'unusual', 'test'] };
delete ALARM_KINDS[0];
const DELIVERIES = { 1: 'untold', 2: 'waiting', 3: 'told', 4: 'given_up', 5: 'earlier' };
export const ROLES = { ingest: 1, playback: 2, rotate: 4, operate: 8, audit: 16 };
export const NO_ID = '00000000-0000-0000-0000-000000000000';
export const MAX_PLAIN = 65519;
export const MAX_APPEND = 49152;
export const MAX_READ = 2 ** 26;

/** Takes from the front of a message; more than there is breaks the protocol. */
class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  take(size) {
    if (this.bytes.length - this.at < size) {
      throw new ProtocolError('the message is short');
    }
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  get left() {
    return this.bytes.length - this.at;
  }
}

// --- Kinds of fields: each has put(value), which gives bytes, and take(reader), which gives the value ----------------

function check(good, what, value) {
  if (!good) {
    throw new ProtocolError(`${what} cannot be ${value}`);
  }
  return value;
}

function number(size, { min = 0, max = 2 ** (8 * size) - 1 } = {}) {
  const inRange = (n) => check(Number.isInteger(n) && n >= min && n <= max, `a u${8 * size}`, n);
  return {
    put(n) {
      const bytes = Buffer.alloc(size);
      bytes.writeUIntBE(inRange(n), 0, size);
      return bytes;
    },
    take: (reader) => inRange(reader.take(size).readUIntBE(0, size)),
  };
}

const u8 = (range) => number(1, range);
const u16 = (range) => number(2, range);
const u32 = (range) => number(4, range);

/** Request numbers are BigInts, as they are random in all 64 bits. */
const request = {
  put(n) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(n);
    return bytes;
  },
  take: (reader) => reader.take(8).readBigUInt64BE(),
};

/** Times and lengths are plain numbers: nothing here comes near 2^53. */
function u64({ min = 0, max = Number.MAX_SAFE_INTEGER } = {}) {
  const inRange = (n) => check(Number.isInteger(n) && n >= min && n <= max, 'a u64', n);
  return {
    put: (n) => request.put(BigInt(inRange(n))),
    take: (reader) => inRange(Number(request.take(reader))),
  };
}

/** A media time: milliseconds, or null where it is not known. */
const mediaTime = {
  put: (n) => (n === null ? request.put(UNKNOWN_TIME) : u64().put(n)),
  take(reader) {
    const n = request.take(reader);
    return n === UNKNOWN_TIME ? null : check(n <= BigInt(Number.MAX_SAFE_INTEGER), 'a media time', Number(n));
  },
};

function bytes(size) {
  return {
    put: (value) => check(value.length === size, `${size} bytes`, value) && value,
    take: (reader) => Buffer.from(reader.take(size)),
  };
}

/** An id, as text of the usual form. */
const id = {
  put(text) {
    check(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text), 'an id', text);
    return Buffer.from(text.replaceAll('-', ''), 'hex');
  },
  take(reader) {
    const hex = reader.take(16).toString('hex');
    return [[0, 8], [8, 12], [12, 16], [16, 20], [20, 32]].map(([from, to]) => hex.slice(from, to)).join('-');
  },
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A field(max) of text. */
function text(max, { min = 0, pattern = /^/ } = {}) {
  const inRange = (size) => check(size >= min && size <= max, 'the length of a field', size);
  return {
    put(value) {
      const encoded = Buffer.from(value);
      return Buffer.concat([u16().put(inRange(encoded.length)), encoded]);
    },
    take(reader) {
      const encoded = reader.take(inRange(u16().take(reader)));
      let value;
      try {
        value = utf8.decode(encoded);
      } catch {
        throw new ProtocolError('a text is not UTF-8');
      }
      return check(pattern.test(value), 'a text', value);
    },
  };
}

/** A field(max) of any bytes, at least `min` of them. */
function blob(max, min = 0) {
  const inRange = (size) => check(size >= min && size <= max, 'the length of a field', size);
  return {
    put: (value) => Buffer.concat([u16().put(inRange(value.length)), value]),
    take: (reader) => Buffer.from(reader.take(inRange(u16().take(reader)))),
  };
}

/** What is left of the message. */
function rest(min, max) {
  const inRange = (size) => check(size >= min && size <= max, 'the length of the rest', size);
  return {
    put: (value) => inRange(value.length) && value,
    take: (reader) => inRange(reader.left) && Buffer.from(reader.take(reader.left)),
  };
}

/** A u16 count and so many of `kind`. */
function list(kind, { min = 0, max, counted = u16 }) {
  const count = counted({ min, max });
  return {
    put: (values) => Buffer.concat([count.put(values.length), ...values.map((value) => kind.put(value))]),
    take: (reader) => Array.from({ length: count.take(reader) }, () => kind.take(reader)),
  };
}

/** One of a few numbers, by name. */
function named(names) {
  const numbers = Object.fromEntries(Object.entries(names).map(([n, name]) => [name, Number(n)]));
  return {
    put: (name) => u8().put(numbers[name]),
    take(reader) {
      const n = u8().take(reader);
      check(n in names, 'what a name stands for', n);
      return names[n];
    },
  };
}

/** Several fields, in the order they are named. */
function record(fields) {
  return {
    put: (value) => Buffer.concat(Object.entries(fields).map(([name, kind]) => kind.put(value[name]))),
    take: (reader) => Object.fromEntries(Object.entries(fields).map(([name, kind]) => [name, kind.take(reader)])),
  };
}

const flag = { put: (value) => u8().put(value ? 1 : 0), take: (reader) => u8({ max: 1 }).take(reader) === 1 };
const code = named(CODES);
const state = named(STATES);
const grant = text(8192);
const label = text(255);
const track = u16({ min: 1 });
const epoch = u32({ min: 1 });
const serviceName = text(63, { pattern: /^[a-z0-9._-]+$/ });
// Bits of ROLES.
const roles = u16({ min: 1, max: 31 });

const reason = text(255, { min: 1 });
const scope = named(SCOPES);

/** What freeze and thaw have in front. The subject is bytes: of an identity, a tag, an id, a name. */
const frozen = { scope, tagged: flag, subject: blob(255) };

/** Whom a search of the audit log is about: bytes of an identity or of a tag, none for anybody. */
const anybody = record({ tagged: flag, subject: blob(255) });

const entry = record({
  recording: id,
  state,
  opened: u64(),
  finished: u64(),
  retainUntil: u64(),
  label,
  tracks: list(record({
    track, state, start: u64(), length: u64(), segments: u32(), type: text(127, { min: 1 }), label,
  }), { max: 64 }),
});

const head = record({ track, state, segments: u32(), length: u64(), chain: bytes(64) });

export const segmentRecord = record({
  number: u32(),
  offset: u64(),
  length: u32({ min: 1, max: 4194304 }),
  mediaTime,
  salt: bytes(24),
  commitment: bytes(32),
});

/** play.opened has a head for each track of its entry, without a count of their own. */
const opened = {
  put: (value) => Buffer.concat([entry.put(value.entry), ...value.heads.map((one) => head.put(one))]),
  take(reader) {
    const taken = entry.take(reader);
    return { entry: taken, heads: taken.tracks.map(() => head.take(reader)) };
  },
};

/** name: [type, who sends it (C, D or both), on stream 0 ('0'), another ('n') or both, fields]. */
export const MESSAGES = {
  'goodbye': [0x01, 'CD', '0', record({ code, text: text(255) })],
  'ping': [0x02, 'CD', '0', record({})],
  'pong': [0x03, 'CD', '0', record({})],
  'error': [0x04, 'D', '0n', record({ code, ended: flag, retryMs: u32(), text: text(255) })],
  'done': [0x05, 'D', '0', record({})],
  'grant.renew': [0x06, 'C', 'n', record({ grant })],
  'grant.renewed': [0x07, 'D', 'n', record({ expires: u64() })],
  'close': [0x08, 'C', 'n', record({})],
  'closed': [0x09, 'D', 'n', record({ durable: u64() })],
  'record.open': [0x10, 'C', '0', record({
    grant, recording: id, nonce: bytes(16), started: u64(), retainUntil: u64(), label,
  })],
  'record.opened': [0x11, 'D', '0', record({ state, opened: u64(), tracks: u16({ max: 64 }) })],
  'record.track': [0x12, 'C', 'n', record({
    grant, recording: id, nonce: bytes(16), track: u16(), start: u64(), type: text(127, { min: 1 }), label,
  })],
  'record.resume': [0x13, 'C', 'n', record({ grant, recording: id, track })],
  'record.ready': [0x14, 'D', 'n', record({ track, generation: u32(), durable: u64(), window: u32() })],
  'record.append': [0x15, 'C', 'n', record({ offset: u64(), mediaTime, media: rest(1, MAX_APPEND) })],
  'record.ack': [0x16, 'D', 'n', record({ durable: u64() })],
  'record.sync': [0x17, 'C', 'n', record({})],
  'record.synced': [0x18, 'D', 'n', record({ durable: u64() })],
  'record.finish': [0x19, 'C', '0', record({ grant, recording: id })],
  'record.finished': [0x1a, 'D', '0', record({ finished: u64(), tracks: u16({ max: 64 }) })],
  'list': [0x20, 'C', '0', record({ grant, from: u64(), to: u64(), after: id, limit: u16({ min: 1, max: 100 }) })],
  'listing': [0x21, 'D', '0', record({ withheld: u32(), next: id, entries: list(entry, { max: 100 }) })],
  'info': [0x22, 'C', '0', record({ grant, recording: id })],
  'info.reply': [0x23, 'D', '0', record({ epoch: u32(), rootVersion: u32(), held: flag, entry })],
  'check': [0x24, 'C', '0', record({ grant, recordings: list(id, { min: 1, max: 200 }) })],
  'check.reply': [0x25, 'D', '0', record({ own: list(flag, { min: 1, max: 200 }) })],
  'delete': [0x28, 'C', '0', record({ grant, recording: id })],
  'undelete': [0x29, 'C', '0', record({ grant, recording: id })],
  'deleted': [0x2a, 'D', '0', record({ undoUntil: u64() })],
  'play.open': [0x30, 'C', 'n', record({ grant, recording: id })],
  'play.opened': [0x31, 'D', 'n', opened],
  'play.table': [0x32, 'C', 'n', record({ track, from: u32(), want: u8({ max: 2 }) })],
  'play.table.reply': [0x33, 'D', 'n', record({ head, from: u32(), records: list(segmentRecord, { max: 512 }) })],
  'play.table.part': [0x39, 'D', 'n', record({ head, from: u32(), records: list(segmentRecord, { max: 512 }) })],
  'play.read': [0x34, 'C', 'n', record({ track, from: u64(), length: u64({ min: 1, max: MAX_READ }) })],
  'play.key': [0x35, 'D', 'n', record({
    track, segment: u32(), key: bytes(32), nonce: bytes(12), commitment: bytes(32),
  })],
  'play.body': [0x36, 'D', 'n', record({
    track, segment: u32(), chunk: u32(), length: u32({ min: 17, max: 262400 }),
  })],
  'play.done': [0x37, 'D', 'n', record({ track, from: u64(), length: u64({ max: MAX_READ }) })],
  'play.start': [0x3a, 'C', 'n', record({
    grant, recording: id, track, from: u64(), length: u64({ min: 1, max: MAX_READ }),
  })],
  'shown': [0x38, 'C', '0', record({
    grant, recording: id, track, from: u64(), to: u64(), who: text(255),
  })],
  'service.add': [0x40, 'C', '0', record({ name: serviceName, roles, publicKey: bytes(32) })],
  'service.added': [0x41, 'D', '0', record({ psk: bytes(32) })],
  'service.remove': [0x42, 'C', '0', record({ name: serviceName })],
  'service.list': [0x43, 'C', '0', record({})],
  'services': [0x44, 'D', '0', record({
    services: list(record({ name: serviceName, roles, publicKey: bytes(32), added: u64() }), { max: 256 }),
  })],
  'stats': [0x48, 'C', '0', record({})],
  'stats.reply': [0x49, 'D', '0', record({
    counters: list(record({ name: text(63, { pattern: /^[a-z0-9_]+$/ }), value: u64() }), { max: 256 }),
  })],
  'health': [0x4a, 'C', '0', record({})],
  'health.reply': [0x4b, 'D', '0', record({ code, text: text(255) })],
  'scrub.start': [0x50, 'C', '0', record({ rate: u64(), after: blob(96) })],
  'scrub.status': [0x51, 'C', '0', record({ from: u32() })],
  'scrub.stop': [0x52, 'C', '0', record({})],
  'scrub.report': [0x53, 'D', '0', record({
    state: named(SCRUB_STATES), started: u64(), rows: u64(), bytes: u64(), total: u32(), place: blob(96), from: u32(),
    findings: list(record({
      kind: named(FINDINGS), recording: id, track: u16(), file: u16(), offset: u64(), length: u64(), text: text(255),
    }), { max: 128 }),
  })],
  'scrub.discard': [0x54, 'C', '0', record({ recording: id, reason })],
  'freeze': [0x60, 'C', '0', record({ ...frozen, ingest: flag, reason })],
  'thaw': [0x61, 'C', '0', record({ ...frozen, reason })],
  'freeze.list': [0x62, 'C', '0', record({ from: u32() })],
  'freezes': [0x63, 'D', '0', record({
    total: u32(), from: u32(), freezes: list(record({
      scope, subject: blob(255), ingest: flag, frozen: u64(), by: text(63), reason,
    }), { max: 64 }),
  })],
  'alarm.list': [0x64, 'C', '0', record({ after: u64() })],
  'alarms': [0x65, 'D', '0', record({
    lost: u64(), alarms: list(record({
      number: u64({ min: 1 }), kind: named(ALARM_KINDS), delivery: named(DELIVERIES), tries: u16(), first: u64(), last: u64(),
      count: u32({ min: 1 }), request, operation: text(63), service: text(63), issuer: text(63), jti: text(255),
      what: text(255), patient: bytes(32), actor: bytes(32), recording: id,
    }), { max: 48 }),
  })],
  'alarm.test': [0x66, 'C', '0', record({})],
  'freeze.made': [0x67, 'D', '0', record({ unknown: flag })],
  'hold.place': [0x68, 'C', '0', record({ recording: id, identity: text(255), reason })],
  'hold.release': [0x69, 'C', '0', record({ hold: id, reason })],
  'hold.list': [0x6a, 'C', '0', record({ from: u32() })],
  'holds': [0x6b, 'D', '0', record({
    total: u32(), from: u32(), holds: list(record({
      hold: id, recording: id, tag: bytes(32), placed: u64(), service: text(63), reason,
    }), { max: 64 }),
  })],
  'epoch.list': [0x70, 'C', '0', record({})],
  'epochs': [0x71, 'D', '0', record({
    keyringRevision: u64(), current: epoch, epochs: list(record({
      number: epoch, state: named(EPOCH_STATES), made: u64(), changed: u64(), keptUntil: u64(),
    }), { max: 512 }),
  })],
  'epoch.new': [0x72, 'C', '0', record({})],
  'epoch.made': [0x73, 'D', '0', record({ number: epoch, keyringRevision: u64() })],
  'epoch.retire': [0x74, 'C', '0', record({ number: epoch, noBackup: flag })],
  'epoch.retired': [0x75, 'D', '0', record({
    number: epoch, recordings: u64(), people: u64(), keyringRevision: u64(), keptUntil: u64(), checkpoint: blob(1024),
    lost: list(serviceName, { max: 64 }),
  })],
  'rotate.status': [0x78, 'C', '0', record({ place: blob(96) })],
  'rotate.census': [0x79, 'D', '0', record({
    current: epoch, place: blob(96), progress: u16({ max: 10000 }), damaged: u64(), epochs: list(record({
      number: epoch, state: named(EPOCH_STATES), made: u64(), recordings: u64(), people: u64(),
    }), { max: 512 }),
  })],
  'patient.rekey': [0x80, 'C', '0', record({ grant })],
  'patient.rename': [0x81, 'C', '0', record({ from: grant, to: grant, recording: id })],
  'patient.merge': [0x82, 'C', '0', record({ from: grant, to: grant, recording: id })],
  'patient.moved': [0x85, 'D', '0', record({ recordings: u32(), left: u32(), rootVersion: u32(), more: flag })],
  'rotate.deep': [0x86, 'C', '0', record({ grant, after: id })],
  'rotate.deepened': [0x87, 'D', '0', record({
    recordings: u32(), left: u32(), bytes: u64(), place: id, more: flag,
  })],
  'person.read': [0x88, 'C', '0', record({ tag: bytes(32) })],
  'person': [0x89, 'D', '0', record({ box: blob(303, 49) })],
  'root.new': [0x8a, 'C', '0', record({})],
  'root.made': [0x8b, 'D', '0', record({ version: u32({ min: 1 }) })],
  'rotate.step': [0x7a, 'C', '0', record({
    to: u32(), first: epoch, last: epoch, limit: u16({ min: 1, max: 1000 }), place: blob(96),
  })],
  'rotate.stepped': [0x7b, 'D', '0', record({
    to: epoch, place: blob(96), progress: u16({ max: 10000 }), passed: u32(), moved: u32(), left: u32(), recording: id,
  })],
  'backup.begin': [0x90, 'C', '0', record({ newest: u8({ min: 1 }) })],
  'backup.begun': [0x91, 'D', '0', record({ token: request, taken: u64() })],
  'backup.rows': [0x92, 'C', '0', record({ token: request })],
  'backup.page': [0x93, 'D', '0', record({ more: flag, rows: blob(60_000) })],
  'backup.read': [0x94, 'C', '0', record({
    token: request, recording: id, track: u16(), file: u16(), position: u64(), length: u32({ min: 1, max: 57_344 }),
  })],
  'backup.bytes': [0x95, 'D', '0', record({ bytes: blob(57_344) })],
  'backup.log': [0x96, 'C', '0', record({ token: request, number: u64(), position: u64() })],
  'backup.records': [0x97, 'D', '0', record({
    number: u64(), position: u64(), more: flag, records: blob(61_600), checkpoint: blob(2048),
  })],
  'backup.end': [0x98, 'C', '0', record({ token: request, complete: flag })],
  'audit.read': [0xa0, 'C', '0', record({ from: request, to: request })],
  'audit.entries': [0xa1, 'D', '0', record({
    size: u64(), next: u64(), patient: bytes(32), actor: bytes(32), entries: list(record({ number: u64(), json: blob(61_440, 1) }), { max: 1024 }),
  })],
  'audit.search': [0xa2, 'C', '0', record({
    first: u64(), from: u64(), to: u64(), kinds: u16({ max: 0x1ffe }), patient: anybody, actor: anybody, recording: id,
    service: text(63, { pattern: /^[a-z0-9._-]*$/ }),
  })],
  'audit.checkpoint': [0xa3, 'C', '0', record({})],
  'audit.signed': [0xa4, 'D', '0', record({ note: blob(4095, 1), key: bytes(32) })],
  'audit.proof': [0xa5, 'C', '0', record({ number: request })],
  'audit.proved': [0xa6, 'D', '0', record({ note: blob(4095, 1), hashes: list(bytes(32), { max: 66 }) })],
  'audit.consistency': [0xa7, 'C', '0', record({ old: request, size: request })],
  'audit.consistent': [0xa8, 'D', '0', record({ note: blob(4095, 1), hashes: list(bytes(32), { max: 66 }) })],
  'incident.note': [0xaa, 'C', '0', record({
    name: text(63, { min: 1, pattern: /^[a-z0-9._-]+$/ }), what: named(INCIDENT_WHATS), at: u64(), text: text(4096),
    facts: list(record({ name: text(32, { min: 1 }), value: text(4096) }), { max: 12, counted: u8 }),
  })],
  'audit.tag': [0xac, 'C', '0', record({ actor: flag, identity: text(255, { min: 1 }) })],
  'audit.tagged': [0xad, 'D', '0', record({ tag: bytes(32) })],
  'audit.auditor': [0xae, 'C', '0', record({})],
  'audit.auditor_key': [0xaf, 'D', '0', record({ key: bytes(32) })],
  'patient.erase': [0x83, 'C', '0', record({ identity: text(255, { min: 1 }), look: flag, reason: text(255) })],
  'patient.erased': [0x84, 'D', '0', record({
    state: named(ERASURES), erased: u64(), recordings: u32(), waiting: u32(), epoch: u32(), unretired: u32(), returned: flag,
    keptUntil: u64(), backups: list(serviceName, { max: 64 }),
  })],
};

const BY_TYPE = new Map(Object.entries(MESSAGES).map(([name, [type, ...others]]) => [type, [name, ...others]]));
const front = record({ type: u8(), stream: u32(), request });

/** The bytes of `fields` as the message `name`. */
export function encode(name, stream, requestNumber, fields = {}) {
  const [type, , on, kind] = MESSAGES[name];
  check(on.includes(stream === 0 ? '0' : 'n'), `the stream of ${name}`, stream);
  return Buffer.concat([front.put({ type, stream, request: requestNumber }), kind.put(fields)]);
}

/** { name, stream, request, …fields } of one message that `from` ('C' or 'D') sent. Throws ProtocolError. */
export function decode(plain, from = 'D') {
  const reader = new Reader(plain);
  const { type, stream, request: requestNumber } = front.take(reader);
  if (!BY_TYPE.has(type)) {
    throw new ProtocolError(`a message of the unknown type ${type}`);
  }
  const [name, senders, on, kind] = BY_TYPE.get(type);
  check(senders.includes(from), 'the sender', name);
  check(on.includes(stream === 0 ? '0' : 'n'), `the stream of ${name}`, stream);
  const fields = kind.take(reader);
  check(reader.left === 0, `what follows ${name}`, `${reader.left} bytes`);
  if (name === 'error') {
    check(fields.code !== 'ok' && !(stream === 0 && fields.ended), 'an error', fields.code);
  }
  return { name, stream, request: requestNumber, ...fields };
}

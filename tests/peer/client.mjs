// The client of the second language: everything a service may ask of the daemon, as PROTOCOL.md says it.
import { Connection } from './connection.mjs';
import { parseCredential, readCredential } from './credential.mjs';
import { Player } from './player.mjs';
import { NO_ID } from './wire.mjs';
import { Recording, newRecordingId } from './writer.mjs';

export class Client {
  #connection;

  constructor(connection) {
    this.#connection = connection;
  }

  /** `credential` is a file's path, or what parseCredential gives. `options` are a Session's. */
  static async connect(credential, options) {
    const known = typeof credential === 'string' ? readCredential(credential) : credential;
    return new Client(await Connection.open(known, options));
  }

  /** Resolves, to the reason, when the connection is over. */
  get over() {
    return this.#connection.over;
  }

  /** All recordings of the grant's patient, page by page of `limit`: { recordings, withheld }. */
  async list(grant, { from = 0, to = 0, limit = 100 } = {}) {
    const recordings = [];
    let withheld = 0;
    let after = NO_ID;
    do {
      const page = await this.#connection.request('list', { grant, from, to, after, limit }, 'listing');
      recordings.push(...page.entries);
      withheld += page.withheld;
      if (page.next !== NO_ID && page.next <= after) {
        throw new Error('the list goes round in circles');
      }
      after = page.next;
    } while (after !== NO_ID);
    return { recordings, withheld };
  }

  info(grant, recording) {
    return this.#connection.request('info', { grant, recording }, 'info.reply');
  }

  /** Which of the ids are this patient's: an array of booleans. */
  async check(grant, recordings) {
    const { own } = await this.#connection.request('check', { grant, recordings }, 'check.reply');
    if (own.length !== recordings.length) {
      throw new Error(`${own.length} answers to ${recordings.length} ids`);
    }
    return own;
  }

  /** One page of the audit log's entries in [from, to): { size, next, entries: [{ number, json }] }. */
  auditRead(from, to = 0) {
    return this.#connection.request('audit.read', { from: BigInt(from), to: BigInt(to) }, 'audit.entries');
  }

  /** One page of a search in it; `patient` and `actor` are identities. */
  auditSearch({ first = 0, from = 0, to = 0, kinds = 0, patient = '', actor = '', recording = NO_ID, service = '' }) {
    const whom = (identity) => ({ tagged: false, subject: Buffer.from(identity) });
    return this.#connection.request('audit.search', {
      first, from, to, kinds, patient: whom(patient), actor: whom(actor), recording, service,
    }, 'audit.entries');
  }

  /** { note (text), key } of a checkpoint of all there is. */
  async auditCheckpoint() {
    const { note, key } = await this.#connection.request('audit.checkpoint', {}, 'audit.signed');
    return { note: note.toString(), key };
  }

  /** { note (text), hashes } of the proof that an entry is in the log. */
  async auditProof(number) {
    const reply = await this.#connection.request('audit.proof', { number: BigInt(number) }, 'audit.proved');
    return { note: reply.note.toString(), hashes: reply.hashes };
  }

  /** { note (text), hashes } of the proof that its first `size` entries (0: all) go on from the first `old`. */
  async auditConsistency(old, size = 0) {
    const reply = await this.#connection.request('audit.consistency', { old: BigInt(old), size: BigInt(size) },
      'audit.consistent');
    return { note: reply.note.toString(), hashes: reply.hashes };
  }

  /** Deletes a recording; resolves to when it can no longer come back, in milliseconds since 1970. */
  async delete(grant, recording) {
    return Number((await this.#connection.request('delete', { grant, recording }, 'deleted')).undoUntil);
  }

  /** States what a viewer's session showed: milliseconds of media time, and who looked if it was another. */
  async shown(grant, recording, { track, from, to, who = '' }) {
    await this.#connection.request('shown', { grant, recording, track, from, to, who }, 'done');
  }

  /** Holds a recording or a patient's; resolves to the hold's id. */
  async hold({ recording = NO_ID, identity = '', reason = 'a test' }) {
    const { holds } = await this.#connection.request('hold.place', { recording, identity, reason }, 'holds');
    return holds[0].hold;
  }

  async releaseHold(hold, reason = 'a test') {
    await this.#connection.request('hold.release', { hold, reason }, 'done');
  }

  async holds(from = 0) {
    return this.#connection.request('hold.list', { from }, 'holds');
  }

  async discard(recording, reason = 'a test') {
    await this.#connection.request('scrub.discard', { recording, reason }, 'done');
  }

  /** Erases a patient, or with `look` only says how it stands. */
  erase(identity, { look = false, reason = look ? '' : 'a test' } = {}) {
    return this.#connection.request('patient.erase', { identity, look, reason }, 'patient.erased');
  }

  async undelete(grant, recording) {
    await this.#connection.request('undelete', { grant, recording }, 'done');
  }

  /** A Player of one recording. */
  play(grant, recording) {
    return Player.open(this.#connection, grant, recording);
  }

  /** A Player whose first range, of { track, from, length }, was asked for at once: its started() gives that. */
  start(grant, recording, range) {
    return Player.start(this.#connection, grant, recording, range);
  }

  /** A new Recording, under an id of its own unless one is named. */
  record(grant, options = {}) {
    return Recording.open(this.#connection, grant, { id: newRecordingId(), ...options });
  }

  async ping() {
    await this.#connection.request('ping', {}, 'pong');
  }

  /** The counters by name. */
  async stats() {
    const { counters } = await this.#connection.request('stats', {}, 'stats.reply');
    return Object.fromEntries(counters.map(({ name, value }) => [name, value]));
  }

  health() {
    return this.#connection.request('health', {}, 'health.reply');
  }

  /** Begins a scrub; resolves to a report. `rate`: bytes a second, 0: all it can; `after`: a place of an earlier one. */
  startScrub({ rate = 0, after = Buffer.alloc(0) } = {}) {
    return this.#connection.request('scrub.start', { rate, after }, 'scrub.report');
  }

  /** A report with the findings from number `from` on. */
  scrubStatus(from = 0) {
    return this.#connection.request('scrub.status', { from }, 'scrub.report');
  }

  stopScrub() {
    return this.#connection.request('scrub.stop', {}, 'scrub.report');
  }

  /** Stops what `scope` and `subject` (bytes) name; `tagged`: the subject is a tag. Resolves to { unknown }. */
  freeze(scope, subject, reason, { tagged = false, ingest = false } = {}) {
    return this.#connection.request('freeze', { scope, tagged, subject: Buffer.from(subject), ingest, reason },
      'freeze.made');
  }

  async thaw(scope, subject, reason, { tagged = false } = {}) {
    await this.#connection.request('thaw', { scope, tagged, subject: Buffer.from(subject), reason }, 'done');
  }

  /** Every freeze, page by page. */
  async freezes() {
    const all = [];
    for (;;) {
      const page = await this.#connection.request('freeze.list', { from: all.length }, 'freezes');
      all.push(...page.freezes);
      if (page.freezes.length === 0 || all.length >= page.total) {
        return all;
      }
    }
  }

  /** The alarms that the daemon still has after number `after`: { lost, alarms }. */
  async alarms(after = 0) {
    const alarms = [];
    for (;;) {
      const page = await this.#connection.request('alarm.list', { after: alarms.at(-1)?.number ?? after }, 'alarms');
      alarms.push(...page.alarms);
      if (page.alarms.length === 0) {
        return { lost: page.lost, alarms };
      }
    }
  }

  /** Raises an alarm and has the command told. */
  async testAlarm() {
    await this.#connection.request('alarm.test', {}, 'done');
  }

  /** Adds a service that made its own key pair; resolves to the pre-shared key. `roles` are bits of ROLES. */
  async addService(name, roles, publicKey) {
    return (await this.#connection.request('service.add', { name, roles, publicKey }, 'service.added')).psk;
  }

  async removeService(name) {
    await this.#connection.request('service.remove', { name }, 'done');
  }

  async services() {
    return (await this.#connection.request('service.list', {}, 'services')).services;
  }

  /** { keyringRevision, current, epochs }. */
  epochs() {
    return this.#connection.request('epoch.list', {}, 'epochs');
  }

  /** Makes the next epoch; resolves to its number. */
  async newEpoch() {
    return (await this.#connection.request('epoch.new', {}, 'epoch.made')).number;
  }

  /** Retires an epoch; resolves to the proof. */
  retireEpoch(number, { noBackup = true } = {}) {
    return this.#connection.request('epoch.retire', { number, noBackup }, 'epoch.retired');
  }

  /** Moves recordings from one grant's patient to the other's; resolves to one answer. Repeat it while there is `more`. */
  merge(from, to, recording = NO_ID) {
    return this.#connection.request('patient.merge', { from, to, recording }, 'patient.moved');
  }

  rename(from, to) {
    return this.#connection.request('patient.rename', { from, to, recording: NO_ID }, 'patient.moved');
  }

  /** Gives a grant's patient a new key. */
  rekey(grant) {
    return this.#connection.request('patient.rekey', { grant }, 'patient.moved');
  }

  /** Seals the next recording behind `after` anew under a new data key. */
  deepen(grant, after = '00000000-0000-0000-0000-000000000000') {
    return this.#connection.request('rotate.deep', { grant, after }, 'rotate.deepened');
  }

  /** Makes a root version; resolves to its number. */
  async newRoot() {
    return (await this.#connection.request('root.new', {}, 'root.made')).version;
  }

  /** The box under a tag. */
  async person(tag) {
    return (await this.#connection.request('person.read', { tag }, 'person')).box;
  }

  /** One part of the census, behind `place`. */
  census(place = Buffer.alloc(0)) {
    return this.#connection.request('rotate.status', { place }, 'rotate.census');
  }

  /** One step of a rotation. */
  rotate({ to = 0, first = 1, last = 2 ** 32 - 1, limit = 1000, place = Buffer.alloc(0) } = {}) {
    return this.#connection.request('rotate.step', { to, first, last, limit, place }, 'rotate.stepped');
  }

  /** Says goodbye; resolves when the daemon has closed too. */
  close() {
    return this.#connection.close();
  }
}

export { parseCredential, readCredential };

import type { Operation } from 'fast-json-patch';
import type { Pod } from '../../api/pod.ts';
import type { PolicyVerdict, UsedVm } from '../../policy/types.ts';
import type { InjectorMode } from '../networks/resources.ts';
import { podProblem } from './pod-shape.ts';
import { isRecord } from '../../runtime/record.ts';

/** API version this code speaks; the configurations ask for it alone. */
const REVIEW_VERSION = 'admission.k8s.io/v1';

/** The part of an AdmissionRequest this code reads (k8s.io/api/admission/v1). */
export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: string;
  readonly subResource: string;
  readonly namespace: string;
  readonly name: string;
  readonly object: Pod;
  /** UPDATE only. */
  readonly oldObject?: Pod;
  /** Who asks. */
  readonly user: { readonly username: string; readonly groups: readonly string[] };
  /** Nothing will be stored. */
  readonly dryRun: boolean;
}

/** What we make of a request. `message` is there exactly when it is refused. */
export interface Decision {
  readonly message?: string;
  readonly warnings: readonly string[];
  readonly patch?: readonly Operation[];
  /** For the API server's audit log, by key. */
  readonly auditAnnotations?: Readonly<Record<string, string>>;
  /** What policies found, to be counted. */
  readonly verdict?: PolicyVerdict;
  /** What an admitted pod takes of its namespace's limits. */
  readonly takes?: UsedVm;
  /** What an admitted VM pod was given beyond guest RAM, to be counted. */
  readonly overheadBytes?: number;
  /** What network-resources-injector showed of itself on this pod, to be counted. */
  readonly injector?: InjectorMode;
  /** Labels of the networks (guest/mac.ts) whose MAC addresses in the patch were drawn for this request. */
  readonly drawn?: readonly string[];
}

export type ReadReview =
  { readonly ok: true; readonly request: AdmissionRequest } | { readonly ok: false; readonly reason: string };

/** The request of a review, whatever it is about. */
export type ReadEnvelope =
  | { readonly ok: true; readonly uid: string; readonly request: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly reason: string };

/** Checks what came in; `reason` is for the log and the caller, which is the API server or somebody who should not be here. */
export function readReview(body: unknown): ReadReview {
  const envelope = readEnvelope(body);
  if (!envelope.ok) return envelope;
  const reason = checkObjects(envelope.request);
  return reason === '' ? { ok: true, request: toRequest(envelope.request, envelope.uid) } : bad(reason);
}

/** The part of the check that is the same for reviews of all kinds. */
export function readEnvelope(body: unknown): ReadEnvelope {
  if (!isRecord(body)) return bad('the body is not a JSON object');
  if (body['kind'] !== 'AdmissionReview') return bad(`kind is ${show(body['kind'])}; allowed: "AdmissionReview"`);
  if (body['apiVersion'] !== REVIEW_VERSION)
    return bad(`apiVersion is ${show(body['apiVersion'])}; allowed: "${REVIEW_VERSION}"`);
  const { request } = body;
  if (!isRecord(request)) return bad('request is missing');
  if (typeof request['uid'] !== 'string' || request['uid'] === '') return bad('request.uid is missing');
  return { ok: true, uid: request['uid'], request };
}

function checkObjects(request: Readonly<Record<string, unknown>>): string {
  if (request['operation'] !== 'CREATE' && request['operation'] !== 'UPDATE') {
    return `request.operation is ${show(request['operation'])}; allowed: "CREATE", "UPDATE"`;
  }
  const reason = podProblem(request['object'], 'request.object');
  return reason !== '' || request['operation'] === 'CREATE' ? reason : podProblem(request['oldObject'], 'request.oldObject');
}

function toRequest(request: Readonly<Record<string, unknown>>, uid: string): AdmissionRequest {
  const { object, oldObject } = request;
  return {
    uid,
    operation: textOf(request['operation']),
    subResource: textOf(request['subResource']),
    namespace: textOf(request['namespace']),
    name: textOf(request['name']),
    object: object as Pod,
    ...(request['operation'] === 'UPDATE' ? { oldObject: oldObject as Pod } : {}),
    user: userOf(request['userInfo']),
    dryRun: request['dryRun'] === true,
  };
}

/** The API server cuts a warning at 256 characters; one that ends in … says that something is missing. */
const MAX_WARNING = 250;

/** The AdmissionReview to answer with. */
export function reviewResponse(uid: string, { message, warnings, patch = [], auditAnnotations }: Decision): object {
  const response = {
    uid,
    allowed: message === undefined,
    // 403 and Forbidden, as other admission plugins say; kubectl would hide the message of a 422 without details.
    ...(message === undefined ? {} : { status: { status: 'Failure', code: 403, reason: 'Forbidden', message } }),
    ...(warnings.length === 0 ? {} : { warnings: warnings.map(shorten) }),
    ...(auditAnnotations === undefined ? {} : { auditAnnotations }),
    ...(patch.length === 0
      ? {}
      : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch), 'utf8').toString('base64') }),
  };
  return { apiVersion: REVIEW_VERSION, kind: 'AdmissionReview', response };
}

function shorten(warning: string): string {
  return warning.length > MAX_WARNING ? `${warning.slice(0, MAX_WARNING)}…` : warning;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function show(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 80);
}

function userOf(value: unknown): AdmissionRequest['user'] {
  const { username, groups } = isRecord(value) ? value : {};
  const names = Array.isArray(groups) ? groups.filter((group) => typeof group === 'string') : [];
  return { username: textOf(username), groups: names };
}

function bad(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}

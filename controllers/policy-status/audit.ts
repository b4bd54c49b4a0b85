import { isDeepStrictEqual } from 'node:util';
import type { CompiledPolicy, PolicyNamespace, UsedVm } from '../../policy/types.ts';
import type { StoredVm } from './facts.ts';
import { sameText } from './packed-text.ts';
import { judgeVm, type Judgement, type Surroundings } from './judge.ts';
import { createVerdicts, type Verdicts } from './verdicts.ts';

/** Judges running pods by policies as either changes: a list of what is still to be judged, worked off pod by pod. No clock, no I/O. */
export interface Audit {
  setPod(key: string, vm: StoredVm | undefined): void;
  /** A new version of a policy; undefined = gone. */
  setPolicy(name: string, policy: CompiledPolicy | undefined): void;
  setNamespace(name: string, labels: Readonly<Record<string, string>> | undefined): void;
  /** What depends on the date is to be judged again. */
  newDay(): void;
  /** Limits of namespaces whose pods changed are to be judged again; apart, because one pod more concerns all the others there. */
  recheckLimits(): void;
  /** Whether {@link Audit.recheckLimits} has anything to do. */
  limitsChanged(): boolean;
  /** Judges one pod; false = nothing left. `now` in milliseconds since the epoch. */
  step(now: number): boolean;
  /** Policies about which something was found out since this was last asked. */
  takeChanged(): ReadonlySet<string>;
  readonly verdicts: Pick<Verdicts, 'matching' | 'violating' | 'violators'>;
  /** What one policy says of one pod, now. */
  explain(policy: string, key: string, now: number): { readonly vm: StoredVm; readonly message: string | undefined } | undefined;
}

/** Nothing known yet. */
export function createAudit(): Audit {
  return new RunningAudit();
}

class RunningAudit implements Audit {
  readonly verdicts = createVerdicts();
  readonly #pods = new Map<string, StoredVm>();
  readonly #policies = new Map<string, CompiledPolicy>();
  readonly #labels = new Map<string, Readonly<Record<string, string>>>();
  /** Keys of the pods of a namespace. */
  readonly #members = new Map<string, Set<string>>();
  /** By pod, the policies it is to be judged by. */
  readonly #todo = new Map<string, Set<string> | 'all'>();
  readonly #limitsOf = new Set<string>();
  #changed = new Set<string>();

  setPod(key: string, vm: StoredVm | undefined): void {
    const before = this.#pods.get(key);
    if (sameText(before?.text, vm?.text)) return;
    if (before !== undefined && !isDeepStrictEqual(before.used, vm?.used)) this.#limitsOf.add(before.namespace);
    if (vm !== undefined) this.#add(key, vm, before === undefined);
    else if (before !== undefined) this.#remove(key, before.namespace);
  }

  setPolicy(name: string, policy: CompiledPolicy | undefined): void {
    // Its ties with others, too, may have changed.
    for (const other of this.#policies.keys()) this.#changed.add(other);
    if (policy === undefined) {
      this.#policies.delete(name);
      this.#changed.delete(name);
      return this.verdicts.removePolicy(name);
    }
    this.#policies.set(name, policy);
    this.#changed.add(name);
    this.#judgeLater(this.#pods.keys(), [name]);
  }

  setNamespace(name: string, labels: Readonly<Record<string, string>> | undefined): void {
    if (labels === undefined) this.#labels.delete(name);
    else this.#labels.set(name, labels);
    this.#judgeLater(this.#members.get(name) ?? [], 'all');
  }

  newDay(): void {
    this.#judgeLater(
      this.#pods.keys(),
      this.#named(({ spec }) => (spec.exemptions ?? []).some(({ until }) => until !== undefined)),
    );
  }

  recheckLimits(): void {
    const limiting = this.#named(({ spec }) => spec.limits !== undefined);
    for (const namespace of this.#limitsOf) this.#judgeLater(this.#members.get(namespace) ?? [], limiting);
    this.#limitsOf.clear();
  }

  limitsChanged(): boolean {
    return this.#limitsOf.size > 0;
  }

  step(now: number): boolean {
    const [next] = this.#todo;
    if (next === undefined) return false;
    const [key, asked] = next;
    const names = asked === 'all' ? new Set(this.#policies.keys()) : asked;
    this.#todo.delete(key);
    const vm = this.#pods.get(key);
    if (vm !== undefined) this.#note(this.verdicts.set(key, names, this.#judge(key, vm, names, now)));
    return true;
  }

  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  explain(policy: string, key: string, now: number): { readonly vm: StoredVm; readonly message: string | undefined } | undefined {
    const vm = this.#pods.get(key);
    return vm === undefined ? undefined : { vm, message: this.#judge(key, vm, new Set([policy]), now).violations.get(policy) };
  }

  #judge(key: string, vm: StoredVm, names: ReadonlySet<string>, now: number): Judgement {
    const policies = Array.from(names).flatMap((name) => this.#policies.get(name) ?? []);
    return judgeVm(vm, this.#around(key, vm.namespace), policies, now);
  }

  #around(key: string, name: string): Surroundings {
    const namespace: PolicyNamespace = { name, labels: this.#labels.get(name) ?? {} };
    const others = (): UsedVm[] =>
      Array.from(this.#members.get(name) ?? []).flatMap((member) => (member === key ? [] : (this.#pods.get(member)?.used ?? [])));
    return { namespace, usage: others };
  }

  #add(key: string, vm: StoredVm, isNew: boolean): void {
    if (isNew) this.#limitsOf.add(vm.namespace);
    this.#pods.set(key, vm);
    const members = this.#members.get(vm.namespace) ?? new Set();
    this.#members.set(vm.namespace, members.add(key));
    this.#judgeLater([key], 'all');
  }

  #remove(key: string, namespace: string): void {
    this.#pods.delete(key);
    this.#todo.delete(key);
    this.#members.get(namespace)?.delete(key);
    if (this.#members.get(namespace)?.size === 0) this.#members.delete(namespace);
    this.#note(this.verdicts.removePod(key));
  }

  #named(which: (policy: CompiledPolicy) => boolean): readonly string[] {
    return Array.from(this.#policies.values())
      .filter(which)
      .map(({ name }) => name);
  }

  #judgeLater(pods: Iterable<string>, policies: readonly string[] | 'all'): void {
    if (policies.length === 0) return;
    for (const key of pods) {
      const todo = this.#todo.get(key);
      if (todo === 'all') continue;
      this.#todo.set(key, policies === 'all' ? policies : new Set([...(todo ?? []), ...policies]));
    }
  }

  #note(policies: readonly string[]): void {
    for (const name of policies) this.#changed.add(name);
  }
}

/** Whether two image references name the same repository, whatever their tags and digests. */
export function sameRepository(a: string, b: string): boolean {
  return repository(a) === repository(b);
}

/** `localhost:5000/podvisor/launcher:v1@sha256:…` -> `localhost:5000/podvisor/launcher`. */
function repository(reference: string): string {
  const [name = ''] = reference.split('@');
  return name.replace(/:[^/:]*$/, '');
}

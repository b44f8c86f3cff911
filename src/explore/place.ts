// A place in the guest, and how it is written.

export interface Place {
  readonly name: string;
  /** `file:line`, if known. */
  readonly source: string | undefined;
}

/** `spin_lock locking/spinlock.ts:81`. */
export function placeText({ name, source }: Place): string {
  return source === undefined ? name : `${name} ${shortSource(source)}`;
}

/** The last folder, the file and the line. */
export const shortSource = (source: string): string => source.split('/').slice(-2).join('/');

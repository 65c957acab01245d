/** An answer that follows its question: the last one stays until the next arrives. */

export interface Loaded<Answer> {
  readonly value: Answer | null;
  readonly problem: string | null;
}

/** Ask again whenever what `ask` reads changes; null asks nothing. Call while a component is made. */
export function loaded<Answer>(ask: (signal: AbortSignal) => Promise<Answer> | null): Loaded<Answer> {
  let value = $state.raw<Answer | null>(null);
  let problem = $state<string | null>(null);
  $effect(() => {
    const asking = new AbortController();
    const answer = ask(asking.signal);
    if (answer === null) {
      value = null;
      return;
    }
    answer.then(
      (found) => {
        if (asking.signal.aborted) return;
        value = found;
        problem = null;
      },
      (error: unknown) => {
        if (!asking.signal.aborted) problem = error instanceof Error ? error.message : String(error);
      },
    );
    return () => asking.abort();
  });
  return {
    get value() {
      return value;
    },
    get problem() {
      return problem;
    },
  };
}

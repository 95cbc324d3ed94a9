/** Where the page's coordinator is: its own origin, or `?coordinator=URL`, so that a page can be hosted by somebody else. */

/** The coordinator as given in a page's address, without a closing slash; null where it is the page's own origin. Throws `TypeError` for an address that is none. */
export function givenCoordinator(search: string): string | null {
  const given = new URLSearchParams(search).get('coordinator');
  if (given === null || given === '') return null;
  const url = new URL(given);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new TypeError(`a coordinator has an http or https address, not ${url.protocol}`);
  return url.href.replace(/\/+$/, '');
}

export interface CoordinatorAddress {
  /** Where requests go. */
  readonly url: string;
  /** What links lead on, null for the page's own. */
  readonly given: string | null;
  /** What is wrong with the address that was given; null where nothing is. */
  readonly problem: string | null;
}

/** Of the page as it was opened. */
export function coordinatorAddress(): CoordinatorAddress {
  try {
    const given = givenCoordinator(location.search);
    return { url: given ?? location.origin, given, problem: null };
  } catch (error) {
    return { url: location.origin, given: null, problem: error instanceof Error ? error.message : String(error) };
  }
}

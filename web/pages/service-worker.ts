/** Keeps the built pages in this browser, so that a bundle can be opened and checked without a network. Pages come from the network where there is one; what holds a hash in its name never changes. */

declare const self: ServiceWorkerGlobalScope;
/** Paths of everything that was built, written in by the build: so this file changes with them, and browsers fetch it anew. */
declare const BUILT_FILES: readonly string[];

const CACHE = 'veritab pages';

/** The page that answers a path: one page shows every model. */
function pageOf(path: string): string {
  return path.startsWith('/models/') ? '/models' : path;
}

async function keep(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(BUILT_FILES);
  const kept = new Set(BUILT_FILES);
  for (const { url } of await cache.keys()) if (!kept.has(new URL(url).pathname)) await cache.delete(url);
}

async function fromNetworkFirst(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await caches.match(pageOf(new URL(request.url).pathname));
    if (kept) return kept;
    throw error;
  }
}

async function fromCacheFirst(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}

self.addEventListener('install', (event) => {
  event.waitUntil(keep().then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener('fetch', (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method !== 'GET' || origin !== self.location.origin) return;
  if (event.request.mode === 'navigate') event.respondWith(fromNetworkFirst(event.request));
  else if (pathname.startsWith('/assets/')) event.respondWith(fromCacheFirst(event.request));
});

export {};

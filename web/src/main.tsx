/** The console: its frame, and which page is shown. Pages other than the first are loaded when they are gone to. */
import { render } from "preact";
import type { FunctionComponent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { isOffline, keyProblem, useKey } from "./lib/api.ts";
import { useInterval, useModule } from "./lib/hooks.ts";
import { location } from "./lib/router.tsx";
import { Home } from "./pages/home.tsx";
import { KeyForm } from "./ui/key.tsx";
import { Footer, Header } from "./ui/frame.tsx";
import { Empty, Loading, useTitle } from "./ui/parts.tsx";
import { Link } from "./lib/router.tsx";

type Page = FunctionComponent<{ readonly rest: string }>;

const lazy = (load: () => Promise<Page>): Page =>
  function Lazy({ rest }) {
    const Shown = useModule(load);
    return Shown === undefined ? <Loading what="the page" /> : <Shown rest={rest} />;
  };

const Model = lazy(() => import("./pages/model.tsx").then((module) => module.ModelPage));
const Play = lazy(() => import("./pages/play.tsx").then((module) => module.PlayPage));
const Admin = lazy(() => import("./pages/admin.tsx").then((module) => module.AdminPage));

const ROUTES: readonly (readonly [RegExp, Page])[] = [
  [/^\/()$/, Home],
  [/^\/models\/(.+?)\/?$/, Model],
  [/^\/play\/?(.*?)\/?$/, Play],
  [/^\/admin\/?(.*?)\/?$/, Admin],
];

/** Instead of every page, while the gateway lets nobody in. */
function Gate({ problem }: { problem: "missing" | "rejected" }) {
  useTitle("Key");
  return (
    <div class="gate">
      <h1>{problem === "missing" ? "This gateway asks for a key" : "This key lets nobody in"}</h1>
      <KeyForm problem={problem} />
      {problem === "rejected" && (
        <p class="note">
          Or <button type="button" class="plain" onClick={() => useKey(null)}>forget the key</button>{" "}
          and go on with what the gateway shows to everybody.
        </p>
      )}
    </div>
  );
}

function Nowhere() {
  useTitle("Nothing here");
  return (
    <Empty isPage title="There is nothing here">
      <p>
        No page has this address. <Link href="/">All models</Link>
      </p>
    </Empty>
  );
}

function App() {
  const { path } = location.value;
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const [page] = ROUTES.flatMap(([pattern, Component]) => {
    const match = pattern.exec(path);
    return match === null ? [] : [{ Component, rest: decoded(match[1]!) }];
  });
  // Tabs and conversations keep what has the focus; another model is another page.
  const place = page?.Component === Model ? path : page?.Component;
  useEffect(() => {
    // Who navigates by keyboard or ear begins at the new page; the first page has the browser's own beginning.
    if (!first.current) main.current?.focus();
    first.current = false;
  }, [place]);
  return (
    <>
      <a class="skip" href="#main">Skip to content</a>
      <Header />
      <Offline />
      <main id="main" tabIndex={-1} ref={main}>
        {keyProblem.value !== null
          ? <Gate problem={keyProblem.value} />
          : page === undefined
          ? <Nowhere />
          : <page.Component rest={page.rest} />}
      </main>
      <Footer />
    </>
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function Offline() {
  const probe = () =>
    void fetch("/livez").then((response) => {
      if (response.ok) isOffline.value = false;
    }, () => isOffline.value = true);
  useInterval(probe, isOffline.value ? 2_000 : undefined);
  useEffect(() => {
    const lost = () => isOffline.value = true;
    addEventListener("offline", lost);
    addEventListener("online", probe);
    return () => {
      removeEventListener("offline", lost);
      removeEventListener("online", probe);
    };
  }, []);
  return (
    <div role="status">
      {isOffline.value && (
        <p class="offline">The gateway does not answer. What you see may be old; trying again …</p>
      )}
    </div>
  );
}

render(<App />, document.getElementById("app")!);

/** The console: its frame, and which page is shown. Pages other than the first are loaded when they are gone to. */
import { Component, render } from "preact";
import type { ComponentChildren, FunctionComponent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { isOffline, keyProblem } from "./lib/api.ts";
import { useInterval, useModule } from "./lib/hooks.ts";
import { location } from "./lib/router.tsx";
import { Home } from "./pages/home.tsx";
import { KeyGate } from "./ui/key.tsx";
import { Footer, Header } from "./ui/frame.tsx";
import { Empty, Loading } from "./ui/parts.tsx";
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

const ROUTES: readonly (readonly [RegExp, Page, string])[] = [
  [/^\/(?:models\/?)?()$/, Home, "Models"],
  [/^\/models\/(.+?)\/?$/, Model, ""],
  [/^\/play\/?(.*?)\/?$/, Play, "Playground"],
  [/^\/admin\/?(.*?)\/?$/, Admin, "Admin"],
];

function App() {
  const { path } = location.value;
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const [page] = ROUTES.flatMap(([pattern, Component, title]) => {
    const match = pattern.exec(path);
    return match === null ? [] : [{ Component, title, rest: decoded(match[1]!) }];
  });
  // Within the playground and the administration one stays where one is.
  const place = page?.title || path;
  useEffect(() => {
    document.title = [page?.title || page?.rest, "Geodesic"].filter(Boolean).join(" · ");
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
          ? <KeyGate problem={keyProblem.value} />
          : page === undefined
          ? (
            <Empty isPage title="There is nothing here">
              <p>
                No page has this address. <Link href="/">All models</Link>
              </p>
            </Empty>
          )
          : (
            <Boundary key={place}>
              <page.Component rest={page.rest} />
            </Boundary>
          )}
      </main>
      <Footer />
    </>
  );
}

/** A part that could not be loaded: the gateway is away, or has a newer console by now. */
class Boundary extends Component<{ readonly children: ComponentChildren }, { readonly failed: boolean }> {
  override state = { failed: false };

  override componentDidCatch(): void {
    this.setState({ failed: true });
  }

  render() {
    if (!this.state.failed) return this.props.children;
    return (
      <Empty isPage title="This page could not be shown">
        <p>The gateway may be away, or have a newer console by now.</p>
        <button type="button" class="primary" onClick={() => globalThis.location.reload()}>
          Load the page anew
        </button>
      </Empty>
    );
  }
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

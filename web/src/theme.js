// Before anything is painted: the colours that were chosen here before, if any.
try {
  const theme = localStorage.getItem("geodesic.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // No storage: the system's colours.
}

package chromiumtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"gatehouse/internal/proctest"
)

// screenshots is the environment variable that names the folder for pictures.
const screenshots = "GATEHOUSE_SCREENSHOTS"

// View is how somebody looks at a page.
type View struct {
	// Name is part of the names of pictures.
	Name string
	// Dark prefers dark pages, Phone is a small screen that is touched.
	Dark, Phone   bool
	Width, Height int64
}

// Views are what every page has to be good for.
var Views = []View{
	{Name: "light", Width: 1280, Height: 900},
	{Name: "dark", Dark: true, Width: 1280, Height: 900},
	{Name: "phone", Phone: true, Width: 390, Height: 844},
}

// Browser is a tab of a Chromium of its own.
type Browser struct {
	t   testing.TB
	ctx context.Context

	mu sync.Mutex
	// said is what was written to the console since it was last asked.
	said []string
}

// Start starts a Chromium that ends with the test. Without one, the test is skipped, except
// in CI.
func Start(t testing.TB) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		proctest.Missing(t, "chromium was not found (on Debian and Ubuntu: apt-get install chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.IgnoreCertErrors, chromedp.UserDataDir(t.TempDir()))
	if os.Getuid() == 0 {
		// Its sandbox is not for root, which tests in containers are.
		options = append(options, chromedp.NoSandbox)
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, close := chromedp.NewContext(allocator)
	b := &Browser{t: t, ctx: ctx}
	messages := chromedp.Console(ctx)
	var listening sync.WaitGroup
	listening.Go(func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.said = append(b.said, fmt.Sprintf("%s: %s (%s)", m.Type, m.Text, m.URL))
			b.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		close()
		cancel()
		listening.Wait()
	})
	return b
}

// do runs steps for as long as a busy machine may take.
func (b *Browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, proctest.Patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// Open opens a page.
func (b *Browser) Open(url string, v View) {
	b.t.Helper()
	b.Look(v)
	b.do("opening "+url, chromedp.Navigate(url))
}

// Look has the page that is open be looked at in another way. It is not loaded again, which
// those that are shown once cannot be.
func (b *Browser) Look(v View) {
	b.t.Helper()
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	var screen []chromedp.EmulateViewportOption
	if v.Phone {
		screen = append(screen, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	b.do("looking", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	}), chromedp.EmulateViewport(v.Width, v.Height, screen...))
}

// Press types keys, such as kb.Tab.
func (b *Browser) Press(keys string) {
	b.t.Helper()
	b.do("pressing a key", chromedp.KeyEvent(keys))
}

// Type types a text into the element that a selector finds.
func (b *Browser) Type(selector, text string) {
	b.t.Helper()
	b.do("typing into "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Click clicks what a selector finds.
func (b *Browser) Click(selector string) {
	b.t.Helper()
	b.do("clicking "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// Follow clicks a link, and again until another page is there: one that moves just then, as the
// page is told what is new, is missed.
func (b *Browser) Follow(selector string) {
	b.t.Helper()
	from := Ask[string](b, "location.href")
	for end := time.Now().Add(proctest.Patience); ; {
		ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
		_, err := chromedp.Run(ctx, chromedp.Click(chromedp.CSS(selector)))
		cancel()
		for soon := time.Now().Add(2 * time.Second); time.Now().Before(soon); time.Sleep(50 * time.Millisecond) {
			if Ask[string](b, "location.href") != from {
				return
			}
		}
		if time.Now().After(end) {
			b.t.Fatalf("following %s leads nowhere (%v):\n%s", selector, err, b.Text("body"))
		}
	}
}

// Ask evaluates an expression of JavaScript in the page.
func Ask[T any](b *Browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, proctest.Patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("asking the page for %.100s: %v", expression, err)
	}
	return value
}

// Text is what people read in the elements that a selector finds, in one line.
func (b *Browser) Text(selector string) string {
	b.t.Helper()
	texts := Ask[[]string](b, fmt.Sprintf(`[...document.querySelectorAll(%q)].map(e => e.innerText)`, selector))
	return strings.Join(strings.Fields(strings.Join(texts, " ")), " ")
}

// Until waits until an expression is true in the page.
func (b *Browser) Until(expression string) {
	b.t.Helper()
	for end := time.Now().Add(proctest.Patience); !Ask[bool](b, "Boolean("+expression+")"); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("%s is not true of the page:\n%s", expression, b.Text("body"))
		}
	}
}

// UntilOpened opens a page again and again, until an expression is true in it.
func (b *Browser) UntilOpened(url string, v View, expression string) {
	b.t.Helper()
	for end := time.Now().Add(proctest.Patience); ; time.Sleep(300 * time.Millisecond) {
		b.Open(url, v)
		if Ask[bool](b, "Boolean("+expression+")") {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s is not true of %s:\n%s", expression, url, b.Text("body"))
		}
	}
}

// Quiet fails the test for what was written to the console, or could not be loaded, since it
// was last called.
func (b *Browser) Quiet(page string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, said := range b.said {
		b.t.Errorf("%s writes to the console: %s", page, said)
	}
	b.said = nil
}

// Fits fails the test if a page is wider than the screen.
func (b *Browser) Fits(page string) {
	b.t.Helper()
	if over := Ask[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
		b.t.Errorf("%s is %d pixels wider than the screen", page, over)
	}
}

// Picture leaves one of what is on the screen, where that is wanted.
func (b *Browser) Picture(name string) {
	b.t.Helper()
	dir := os.Getenv(screenshots)
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
	}
	if err != nil {
		b.t.Errorf("a picture of %s: %v", name, err)
	}
}

// Forget passes over what was written to the console: a page that is answered with an error,
// as it should be, is told there.
func (b *Browser) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = nil
}

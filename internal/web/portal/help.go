package portal

import (
	"context"

	"github.com/a-h/templ"
)

type helpKey struct{}

// WithHelp says which page of help belongs to what is rendered under the context:
// "members", or "profile#passkeys" for a part of one (N-46).
func WithHelp(ctx context.Context, topic string) context.Context {
	return context.WithValue(ctx, helpKey{}, topic)
}

// helpOf is where that page is; with none, the list of them.
func helpOf(ctx context.Context) templ.SafeURL {
	topic, _ := ctx.Value(helpKey{}).(string)
	if topic == "" {
		return "/help"
	}
	return templ.SafeURL("/help/" + topic)
}

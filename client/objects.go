package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// Collection are the objects of one kind, of an organisation or of the world.
type Collection[T any] struct {
	c    *Client
	path string
}

// In returns a collection by its path: "/organisations/key:harbor/users". Those
// of the API have functions of their own.
func In[T any](c *Client, path string) Collection[T] { return Collection[T]{c, path} }

func in[T any](c *Client, org, name string) Collection[T] {
	return Collection[T]{c, "/organisations/" + url.PathEscape(org) + "/" + name}
}

// Organisations are all that the key may see.
func (c *Client) Organisations() Collection[Organisation] {
	return In[Organisation](c, "/organisations")
}

// Sites are those of an organisation, named by its id or "key:NAME"; so are the
// others.
func (c *Client) Sites(org string) Collection[Site] { return in[Site](c, org, "sites") }

// Buildings are those of an organisation.
func (c *Client) Buildings(org string) Collection[Building] { return in[Building](c, org, "buildings") }

// Locations are those of an organisation.
func (c *Client) Locations(org string) Collection[Location] { return in[Location](c, org, "locations") }

// Elements are an organisation's network elements.
func (c *Client) Elements(org string) Collection[Element] { return in[Element](c, org, "elements") }

// Users are those of an organisation.
func (c *Client) Users(org string) Collection[User] { return in[User](c, org, "users") }

// Devices are those of an organisation.
func (c *Client) Devices(org string) Collection[Device] { return in[Device](c, org, "devices") }

// Numbers are those of an organisation.
func (c *Client) Numbers(org string) Collection[Number] { return in[Number](c, org, "numbers") }

// Alerts are those of an organisation.
func (c *Client) Alerts(org string) Collection[Alert] { return in[Alert](c, org, "alerts") }

// PSAPOverrides are an organisation's own choices of PSAPs.
func (c *Client) PSAPOverrides(org string) Collection[PSAPOverride] {
	return in[PSAPOverride](c, org, "psap_overrides")
}

// Trunks are those of an organisation; "": those of the world.
func (c *Client) Trunks(org string) Collection[Trunk] {
	if org == "" {
		return In[Trunk](c, "/trunks")
	}
	return in[Trunk](c, org, "trunks")
}

// PSAPs are those of the world.
func (c *Client) PSAPs() Collection[PSAP] { return In[PSAP](c, "/psaps") }

// Models are the device models.
func (c *Client) Models() Collection[Model] { return In[Model](c, "/models") }

// Keys are an organisation's API keys; "": the operator's.
func (c *Client) Keys(org string) Collection[Key] {
	if org == "" {
		return In[Key](c, "/keys")
	}
	return in[Key](c, org, "keys")
}

// CreateKey makes an API key; the answer has the key itself, once.
func (c *Client) CreateKey(ctx context.Context, org string, w KeyWish) (Key, error) {
	var k Key
	_, err := c.Do(ctx, Request{Method: http.MethodPost, Path: c.Keys(org).path, Body: w}, &k)
	return k, err
}

// RotateKey gives a key a new secret, which the answer has once; the older ones go on
// for a while.
func (c *Client) RotateKey(ctx context.Context, org, id string, w KeyRotation) (Key, error) {
	var k Key
	_, err := c.Do(ctx, Request{Method: http.MethodPost, Path: c.Keys(org).one(id) + "/secrets", Body: w}, &k)
	return k, err
}

// EndKeySecret ends one secret of a key.
func (c *Client) EndKeySecret(ctx context.Context, org, id, secret string) error {
	_, err := c.Do(ctx, Request{Method: http.MethodDelete, Path: c.Keys(org).one(id) + "/secrets/" + url.PathEscape(secret)}, nil)
	return err
}

func (o Collection[T]) one(id string) string { return o.path + "/" + url.PathEscape(id) }

// Get reads one object by its id or "key:NAME", with its ETag.
func (o Collection[T]) Get(ctx context.Context, id string) (value T, etag string, err error) {
	a, err := o.c.Do(ctx, Request{Method: http.MethodGet, Path: o.one(id)}, &value)
	return value, a.ETag, err
}

// Create makes an object.
func (o Collection[T]) Create(ctx context.Context, value T) (made T, etag string, err error) {
	a, err := o.c.Do(ctx, Request{Method: http.MethodPost, Path: o.path, Body: value}, &made)
	return made, a.ETag, err
}

// Replace replaces the object that still has the ETag.
func (o Collection[T]) Replace(ctx context.Context, id, etag string, value T) (made T, next string, err error) {
	a, err := o.c.Do(ctx, Request{Method: http.MethodPut, Path: o.one(id), Body: value, IfMatch: etag}, &made)
	return made, a.ETag, err
}

// Patch changes fields of the object that still has the ETag; nil takes one away.
func (o Collection[T]) Patch(ctx context.Context, id, etag string, fields map[string]any) (made T, next string, err error) {
	a, err := o.c.Do(ctx, Request{Method: http.MethodPatch, Path: o.one(id), Body: fields, Patch: true, IfMatch: etag}, &made)
	return made, a.ETag, err
}

// Delete removes the object that still has the ETag. A key is revoked.
func (o Collection[T]) Delete(ctx context.Context, id, etag string) error {
	_, err := o.c.Do(ctx, Request{Method: http.MethodDelete, Path: o.one(id), IfMatch: etag}, nil)
	return err
}

// Filter narrows a list: {"site": "key:mill"}. Limit is how many a page has.
type Filter map[string]string

// All reads the whole list, a page at a time; it ends with an error or behind the
// last object.
func (o Collection[T]) All(ctx context.Context, f Filter) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		q := url.Values{"limit": {strconv.Itoa(500)}}
		for name, v := range f {
			q.Set(name, v)
		}
		for {
			var page Page[T]
			if _, err := o.c.Do(ctx, Request{Method: http.MethodGet, Path: o.path, Query: q}, &page); err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, v := range page.Items {
				if !yield(v, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			q.Set("cursor", page.Next)
		}
	}
}

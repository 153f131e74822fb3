package admin

import (
	"context"
	"strconv"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
)

// FirstTokenKey makes the key that seals location tokens (D-08) when there is
// none, and reports whether it did. All nodes share it through SQL.
func FirstTokenKey(ctx context.Context, w Writer, now time.Time) (bool, error) {
	have, err := w.List(ctx, Query{Kind: e911.KindTokenKey, Limit: 1})
	if err != nil || len(have) > 0 {
		return false, err
	}
	created := now.UTC().Truncate(time.Millisecond)
	_, err = w.Create(ctx, e911.TokenKey{
		ID: "k" + strconv.FormatInt(created.UnixMilli(), 36), Secret: seal.NewSecret(), Created: created,
	})
	return err == nil, err
}

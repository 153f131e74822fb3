package client

// List is a list of the calling platform's that is compared with ours.
type List struct {
	ID           string            `json:"id,omitempty" readOnly:"true"`
	Org          string            `json:"org,omitempty" readOnly:"true"`
	Version      int64             `json:"version,omitempty" doc:"One more with every change; the ETag" readOnly:"true"`
	Key          string            `json:"key" example:"webex"`
	Kind         string            `json:"kind" enum:"users,devices,numbers"`
	File         string            `json:"file,omitempty" doc:"In the server's folder of lists, read when a comparison is due; none: it is sent. The operator's to say"`
	KeyColumn    string            `json:"key_column" doc:"Heading of the column that names an object" example:"User ID/Email"`
	KeyField     string            `json:"key_field,omitempty" doc:"What that is compared with: key, or email, device_user_id, mac, number" example:"email"`
	Columns      map[string]string `json:"columns,omitempty" doc:"The list's headings of our fields, by field"`
	Site         string            `json:"site,omitempty" doc:"Key of the site of what is new"`
	EveryMinutes int               `json:"every_minutes,omitempty" doc:"Default: once a day"`
	Action       string            `json:"action,omitempty" doc:"Default: report" enum:"report,plan,"`
	DeleteExtra  bool              `json:"delete_extra,omitempty"`
	MaxShrink    int               `json:"max_shrink_percent,omitempty" doc:"Default: 20" minimum:"0" maximum:"100"`
	OldAfterDays int               `json:"old_after_days,omitempty" doc:"Default: 7"`
	Paused       bool              `json:"paused,omitempty"`
}

// Lists are the platforms' lists of an organisation, by key.
func (c *Client) Lists(org string) Collection[List] { return in[List](c, org, "lists") }

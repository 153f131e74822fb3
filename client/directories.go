package client

// Directory is a directory of people that is followed: by SCIM it tells of every
// change, by LDAP it is read.
type Directory struct {
	ID           string            `json:"id,omitempty" readOnly:"true"`
	Org          string            `json:"org,omitempty" readOnly:"true"`
	Version      int64             `json:"version,omitempty" doc:"One more with every change; the ETag" readOnly:"true"`
	Key          string            `json:"key" example:"entra"`
	Protocol     string            `json:"protocol" enum:"scim,ldap"`
	Map          map[string]string `json:"map,omitempty" doc:"The attribute that feeds a field, by field; of several, the first that says something"`
	Site         string            `json:"site,omitempty" doc:"Key of the site of who is new and of whom nothing else says it"`
	GroupSites   []GroupSite       `json:"group_sites,omitempty"`
	Sites        map[string]string `json:"sites,omitempty" doc:"Texts of the directory, to keys of sites"`
	Places       map[string]string `json:"places,omitempty" doc:"Texts of the directory, to keys of locations"`
	Roles        []DirectoryRole   `json:"roles,omitempty" doc:"Roles that groups give; to be said by who may give roles"`
	Action       string            `json:"action,omitempty" doc:"Default: plan" enum:"report,plan,apply,"`
	GraceDays    int               `json:"grace_days,omitempty" doc:"How long who left stays on the list; default: 14"`
	EveryMinutes int               `json:"every_minutes,omitempty" doc:"How often LDAP is read; default: once a day"`
	MaxShrink    int               `json:"max_shrink_percent,omitempty" doc:"Default: 20" minimum:"0" maximum:"100"`
	Paused       bool              `json:"paused,omitempty"`
	LDAP         *LDAP             `json:"ldap,omitempty"`
}

// GroupSite is the site of a group's members.
type GroupSite struct {
	Group string `json:"group"`
	Site  string `json:"site" doc:"Its key"`
}

// DirectoryRole is a role that a group gives.
type DirectoryRole struct {
	Group string `json:"group"`
	Role  string `json:"role" enum:"organisation,site_administrator,security_desk,auditor,integrator,user"`
	Site  string `json:"site,omitempty" doc:"Its key; none: the organisation"`
}

// LDAP is how a directory is reached and what is read of it.
type LDAP struct {
	URL             string `json:"url" example:"ldaps://dc1.example.com"`
	StartTLS        bool   `json:"start_tls,omitempty"`
	CA              string `json:"ca,omitempty" doc:"PEM of who signed its certificate; none: the system's"`
	BindDN          string `json:"bind_dn,omitempty"`
	Password        string `json:"password,omitempty" doc:"Never told; one that a change leaves out stays, where url and bind_dn do" writeOnly:"true"`
	Base            string `json:"base" doc:"DN below which people are"`
	Filter          string `json:"filter,omitempty" doc:"RFC 4515"`
	GroupBase       string `json:"group_base,omitempty"`
	GroupFilter     string `json:"group_filter,omitempty"`
	ActiveDirectory bool   `json:"active_directory,omitempty"`
	NestedGroups    bool   `json:"nested_groups,omitempty" doc:"Of Active Directory: who is in a group by way of others is in it"`
	PageSize        int    `json:"page_size,omitempty" doc:"Default: 500"`
	MaxPeople       int    `json:"max_people,omitempty"`
	TimeoutSeconds  int    `json:"timeout_seconds,omitempty" doc:"Of all of it; default: 120"`
}

// Directories are the directories of people of an organisation, by key.
func (c *Client) Directories(org string) Collection[Directory] {
	return in[Directory](c, org, "directories")
}

var Me,S,an,Oe,Q,nn,sn,cn,Ue,be,de,dn,je,Fe,qe,it,we={},Se=[],at=/acit|ex(?:s|g|n|p|$)|rph|grid|ows|mnc|ntw|ine[ch]|zoo|^ord|itera/i,Ee=Array.isArray;function G(e,n){for(var t in n)e[t]=n[t];return e}function Be(e){e&&e.parentNode&&e.parentNode.removeChild(e)}function He(e,n,t){var o,r,i,s={};for(i in n)i=="key"?o=n[i]:i=="ref"?r=n[i]:s[i]=n[i];if(arguments.length>2&&(s.children=arguments.length>3?Me.call(arguments,2):t),typeof e=="function"&&e.defaultProps!=null)for(i in e.defaultProps)s[i]===void 0&&(s[i]=e.defaultProps[i]);return xe(e,s,o,r,null)}function xe(e,n,t,o,r){var i={type:e,props:n,key:t,ref:o,__k:null,__:null,__b:0,__e:null,__c:null,constructor:void 0,__v:r??++an,__i:-1,__u:0};return r==null&&S.vnode!=null&&S.vnode(i),i}function B(e){return e.children}function ie(e,n){this.props=e,this.context=n}function ee(e,n){if(n==null)return e.__?ee(e.__,e.__i+1):null;for(var t;n<e.__k.length;n++)if((t=e.__k[n])!=null&&t.__e!=null)return t.__e;return typeof e.type=="function"?ee(e):null}function st(e){if(e.__P&&e.__d){var n=e.__v,t=n.__e,o=[],r=[],i=G({},n);i.__v=n.__v+1,S.vnode&&S.vnode(i),Je(e.__P,i,n,e.__n,e.__P.namespaceURI,32&n.__u?[t]:null,o,t??ee(n),!!(32&n.__u),r),i.__v=n.__v,i.__.__k[i.__i]=i,pn(o,i,r),n.__e=n.__=null,i.__e!=t&&ln(i)}}function ln(e){if((e=e.__)!=null&&e.__c!=null)return e.__e=e.__c.base=null,e.__k.some(function(n){if(n!=null&&n.__e!=null)return e.__e=e.__c.base=n.__e}),ln(e)}function tn(e){(!e.__d&&(e.__d=!0)&&Q.push(e)&&!ke.__r++||nn!=S.debounceRendering)&&((nn=S.debounceRendering)||sn)(ke)}function ke(){try{for(var e,n=1;Q.length;)Q.length>n&&Q.sort(cn),e=Q.shift(),n=Q.length,st(e)}finally{Q.length=ke.__r=0}}function un(e,n,t,o,r,i,s,d,f,c,l){var _,a,u,x,g,m,v=o&&o.__k||Se,p=n.length;for(f=ct(t,n,v,f,p),_=0;_<p;_++)(u=t.__k[_])!=null&&(a=u.__i!=-1&&v[u.__i]||we,u.__i=_,m=Je(e,u,a,r,i,s,d,f,c,l),x=u.__e,u.ref&&a.ref!=u.ref&&(a.ref&&Ge(a.ref,null,u),l.push(u.ref,u.__c||x,u)),g==null&&x!=null&&(g=x),4&u.__u?(f=fn(u,f,e),a.__e&&(a.__e=null)):typeof u.type=="function"&&m!==void 0?f=m:x&&(f=x.nextSibling),u.__u&=-7);return t.__e=g,f}function ct(e,n,t,o,r){var i,s,d,f,c,l=t.length,_=l,a=0;for(e.__k=new Array(r),i=0;i<r;i++)(s=n[i])!=null&&typeof s!="boolean"&&typeof s!="function"?(typeof s=="string"||typeof s=="number"||typeof s=="bigint"||s.constructor==String?s=e.__k[i]=xe(null,s,null,null,null):Ee(s)?s=e.__k[i]=xe(B,{children:s},null,null,null):s.constructor===void 0&&s.__b>0?s=e.__k[i]=xe(s.type,s.props,s.key,s.ref?s.ref:null,s.__v):e.__k[i]=s,f=i+a,s.__=e,s.__b=e.__b+1,d=null,(c=s.__i=dt(s,t,f,_))!=-1&&(_--,(d=t[c])&&(d.__u|=2)),d==null||d.__v==null?(c==-1&&(r>l?a--:r<l&&a++),typeof s.type!="function"&&(s.__u|=4)):c!=f&&(c==f-1?a--:c==f+1?a++:(c>f?a--:a++,s.__u|=4))):e.__k[i]=null;if(_)for(i=0;i<l;i++)(d=t[i])!=null&&(2&d.__u)==0&&(d.__e==o&&(o=ee(d)),mn(d,d));return o}function fn(e,n,t){var o,r;if(typeof e.type=="function"){for(o=e.__k,r=0;o&&r<o.length;r++)o[r]&&(o[r].__=e,n=fn(o[r],n,t));return n}e.__e!=n&&(n&&e.type&&!n.parentNode&&(n=ee(e)),n=t.insertBefore(e.__e,n||null));do n=n&&n.nextSibling;while(n!=null&&n.nodeType==8);return n}function dt(e,n,t,o){var r,i,s,d=e.key,f=e.type,c=n[t],l=c!=null&&(2&c.__u)==0;if(c===null&&d==null||l&&d==c.key&&f==c.type)return t;if(o>(l?1:0)){for(r=t-1,i=t+1;r>=0||i<n.length;)if((c=n[s=r>=0?r--:i++])!=null&&(2&c.__u)==0&&d==c.key&&f==c.type)return s}return-1}function on(e,n,t){n[0]=="-"?e.setProperty(n,t??""):e[n]=t==null?"":typeof t!="number"||at.test(n)?t:t+"px"}function ge(e,n,t,o,r){var i,s;e:if(n=="style")if(typeof t=="string")e.style.cssText=t;else{if(typeof o=="string"&&(e.style.cssText=o=""),o)for(n in o)t&&n in t||on(e.style,n,"");if(t)for(n in t)o&&t[n]==o[n]||on(e.style,n,t[n])}else if(n[0]=="o"&&n[1]=="n")i=n!=(n=n.replace(dn,"$1")),s=n.toLowerCase(),n=s in e||n=="onFocusOut"||n=="onFocusIn"?s.slice(2):n.slice(2),e.l||(e.l={}),e.l[n+i]=t,t?o?t[de]=o[de]:(t[de]=je,e.addEventListener(n,i?qe:Fe,i)):e.removeEventListener(n,i?qe:Fe,i);else{if(r=="http://www.w3.org/2000/svg")n=n.replace(/xlink(H|:h)/,"h").replace(/sName$/,"s");else if(n!="width"&&n!="height"&&n!="href"&&n!="list"&&n!="form"&&n!="tabIndex"&&n!="download"&&n!="rowSpan"&&n!="colSpan"&&n!="role"&&n!="popover"&&n in e)try{e[n]=t??"";break e}catch{}typeof t=="function"||(t==null||t===!1&&n[4]!="-"?e.removeAttribute(n):e.setAttribute(n,n=="popover"&&t==1?"":t))}}function rn(e){return function(n){if(this.l){var t=this.l[n.type+e];if(n[be]==null)n[be]=je++;else if(n[be]<t[de])return;return t(S.event?S.event(n):n)}}}function Je(e,n,t,o,r,i,s,d,f,c){var l,_,a,u,x,g,m,v,p,w,$,F,V,k,M,y,h=n.type;if(n.constructor!==void 0)return null;128&t.__u&&(f=!!(32&t.__u),i=[d=n.__e=t.__e]),(l=S.__b)&&l(n);e:if(typeof h=="function"){_=s.length;try{if(p=n.props,w=h.prototype&&h.prototype.render,$=(l=h.contextType)&&o[l.__c],F=l?$?$.props.value:l.__:o,t.__c?v=(a=n.__c=t.__c).__=a.__E:(w?n.__c=a=new h(p,F):(n.__c=a=new ie(p,F),a.constructor=h,a.render=ut),$&&$.sub(a),a.state||(a.state={}),a.__n=o,u=a.__d=!0,a.__h=[],a._sb=[]),w&&a.__s==null&&(a.__s=a.state),w&&h.getDerivedStateFromProps!=null&&(a.__s==a.state&&(a.__s=G({},a.__s)),G(a.__s,h.getDerivedStateFromProps(p,a.__s))),x=a.props,g=a.state,a.__v=n,u)w&&h.getDerivedStateFromProps==null&&a.componentWillMount!=null&&a.componentWillMount(),w&&a.componentDidMount!=null&&a.__h.push(a.componentDidMount);else{if(w&&h.getDerivedStateFromProps==null&&p!==x&&a.componentWillReceiveProps!=null&&a.componentWillReceiveProps(p,F),n.__v==t.__v||!a.__e&&a.shouldComponentUpdate!=null&&a.shouldComponentUpdate(p,a.__s,F)===!1){n.__v!=t.__v&&(a.props=p,a.state=a.__s,a.__d=!1),n.__e=t.__e,n.__k=t.__k,n.__k.some(function(R){R&&(R.__=n)}),Se.push.apply(a.__h,a._sb),a._sb=[],a.__h.length&&s.push(a),d=ee(t);break e}a.componentWillUpdate!=null&&a.componentWillUpdate(p,a.__s,F),w&&a.componentDidUpdate!=null&&a.__h.push(function(){a.componentDidUpdate(x,g,m)})}if(a.context=F,a.props=p,a.__P=e,a.__e=!1,V=S.__r,k=0,w)a.state=a.__s,a.__d=!1,V&&V(n),l=a.render(a.props,a.state,a.context),Se.push.apply(a.__h,a._sb),a._sb=[];else do a.__d=!1,V&&V(n),l=a.render(a.props,a.state,a.context),a.state=a.__s;while(a.__d&&++k<25);a.state=a.__s,a.getChildContext!=null&&(o=G(G({},o),a.getChildContext())),w&&!u&&a.getSnapshotBeforeUpdate!=null&&(m=a.getSnapshotBeforeUpdate(x,g)),M=l!=null&&l.type===B&&l.key==null?hn(l.props.children):l,d=un(e,Ee(M)?M:[M],n,t,o,r,i,s,d,f,c),a.base=n.__e,n.__u&=-161,a.__h.length&&s.push(a),v&&(a.__E=a.__=null)}catch(R){if(s.length=_,n.__v=null,f||i!=null){if(R.then){for(n.__u|=f?160:128;d&&d.nodeType==8&&d.nextSibling;)d=d.nextSibling;i!=null&&(i[i.indexOf(d)]=null),n.__e=d}else if(i!=null)for(y=i.length;y--;)Be(i[y])}else n.__e=t.__e;n.__k==null&&(n.__k=t.__k||[]),R.then||_n(n),S.__e(R,n,t)}}else i==null&&n.__v==t.__v?(n.__k=t.__k,n.__e=t.__e):d=n.__e=lt(t.__e,n,t,o,r,i,s,f,c);return(l=S.diffed)&&l(n),128&n.__u?void 0:d}function _n(e){e&&(e.__c&&(e.__c.__e=!0),e.__k&&e.__k.some(_n))}function pn(e,n,t){for(var o=0;o<t.length;o++)Ge(t[o],t[++o],t[++o]);S.__c&&S.__c(n,e),e.some(function(r){try{e=r.__h,r.__h=[],e.some(function(i){i.call(r)})}catch(i){S.__e(i,r.__v)}})}function hn(e){return typeof e!="object"||e==null||e.__b>0?e:Ee(e)?e.map(hn):e.constructor!==void 0?null:G({},e)}function lt(e,n,t,o,r,i,s,d,f){var c,l,_,a,u,x,g,m=t.props||we,v=n.props,p=n.type;if(p=="svg"?r="http://www.w3.org/2000/svg":p=="math"?r="http://www.w3.org/1998/Math/MathML":r||(r="http://www.w3.org/1999/xhtml"),i!=null){for(c=0;c<i.length;c++)if((u=i[c])&&"setAttribute"in u==!!p&&(p?u.localName==p:u.nodeType==3)){e=u,i[c]=null;break}}if(e==null){if(p==null)return document.createTextNode(v);e=document.createElementNS(r,p,v.is&&v),d&&(S.__m&&S.__m(n,i),d=!1),i=null}if(p==null)m===v||d&&e.data==v||(e.data=v);else{if(i=p=="textarea"&&v.defaultValue!=null?null:i&&Me.call(e.childNodes),!d&&i!=null)for(m={},c=0;c<e.attributes.length;c++)m[(u=e.attributes[c]).name]=u.value;for(c in m)u=m[c],c=="dangerouslySetInnerHTML"?_=u:c=="children"||c in v||c=="value"&&"defaultValue"in v||c=="checked"&&"defaultChecked"in v||ge(e,c,null,u,r);for(c in v)u=v[c],c=="children"?a=u:c=="dangerouslySetInnerHTML"?l=u:c=="value"?x=u:c=="checked"?g=u:d&&typeof u!="function"||m[c]===u||ge(e,c,u,m[c],r);if(l)d||_&&(l.__html==_.__html||l.__html==e.innerHTML)||(e.innerHTML=l.__html),n.__k=[];else if(_&&(e.innerHTML=""),un(n.type=="template"?e.content:e,Ee(a)?a:[a],n,t,o,p=="foreignObject"?"http://www.w3.org/1999/xhtml":r,i,s,i?i[0]:t.__k&&ee(t,0),d,f),i!=null)for(c=i.length;c--;)Be(i[c]);d&&p!="textarea"||(c="value",p=="progress"&&x==null?e.removeAttribute("value"):x!=null&&(x!==e[c]||p=="progress"&&!x||p=="option"&&x!=m[c])&&ge(e,c,x,m[c],r),c="checked",g!=null&&g!=e[c]&&ge(e,c,g,m[c],r))}return e}function Ge(e,n,t){try{if(typeof e=="function"){var o=typeof e.__u=="function";o&&e.__u(),o&&n==null||(e.__u=e(n))}else e.current=n}catch(r){S.__e(r,t)}}function mn(e,n,t){var o,r;if(S.unmount&&S.unmount(e),(o=e.ref)&&(o.current&&o.current!=e.__e||Ge(o,null,n)),(o=e.__c)!=null){if(o.componentWillUnmount)try{o.componentWillUnmount()}catch(i){S.__e(i,n)}o.base=o.__P=o.__n=null}if(o=e.__k)for(r=0;r<o.length;r++)o[r]&&mn(o[r],n,t||typeof e.type!="function");t||Be(e.__e),e.__c=e.__=e.__e=void 0}function ut(e,n,t){return this.constructor(e,t)}function Rt(e,n,t){var o,r,i,s;n==document&&(n=document.documentElement),S.__&&S.__(e,n),r=(o=typeof t=="function")?null:t&&t.__k||n.__k,i=[],s=[],Je(n,e=(!o&&t||n).__k=He(B,null,[e]),r||we,we,n.namespaceURI,!o&&t?[t]:r?null:n.firstChild?Me.call(n.childNodes):null,i,!o&&t?t:r?r.__e:n.firstChild,o,s),pn(i,e,s),e.props.children=null}Me=Se.slice,S={__e:function(e,n,t,o){for(var r,i,s;n=n.__;)if((r=n.__c)&&!r.__)try{if((i=r.constructor)&&i.getDerivedStateFromError!=null&&(r.setState(i.getDerivedStateFromError(e)),s=r.__d),r.componentDidCatch!=null&&(r.componentDidCatch(e,o||{}),s=r.__d),s)return r.__E=r}catch(d){e=d}throw e}},an=0,Oe=function(e){return e!=null&&e.constructor===void 0},ie.prototype.setState=function(e,n){var t;t=this.__s!=null&&this.__s!=this.state?this.__s:this.__s=G({},this.state),typeof e=="function"&&(e=e(G({},t),this.props)),e&&G(t,e),e!=null&&this.__v&&(n&&this._sb.push(n),tn(this))},ie.prototype.forceUpdate=function(e){this.__v&&(this.__e=!0,e&&this.__h.push(e),tn(this))},ie.prototype.render=B,Q=[],sn=typeof Promise=="function"?Promise.prototype.then.bind(Promise.resolve()):setTimeout,cn=function(e,n){return e.__v.__b-n.__v.__b},ke.__r=0,Ue=Math.random().toString(8),be="__d"+Ue,de="__a"+Ue,dn=/(PointerCapture)$|Capture$/i,je=0,Fe=rn(!1),qe=rn(!0),it=0;var ft=0,Ut=Array.isArray;function b(e,n,t,o,r,i){n||(n={});var s,d,f=n;if("ref"in f)for(d in f={},n)d=="ref"?s=n[d]:f[d]=n[d];var c={type:e,props:f,key:t,ref:s,__k:null,__:null,__b:0,__e:null,__c:null,constructor:void 0,__v:--ft,__i:-1,__u:0,__source:r,__self:i};if(typeof e=="function"&&(s=e.defaultProps))for(d in s)f[d]===void 0&&(f[d]=s[d]);return S.vnode&&S.vnode(c),c}var le,P,We,vn,ue=0,Mn=[],A=S,yn=A.__b,gn=A.__r,bn=A.diffed,xn=A.__c,wn=A.unmount,Sn=A.__;function Ve(e,n){A.__h&&A.__h(P,e,ue||n),ue=0;var t=P.__H||(P.__H={__:[],__h:[]});return e>=t.__.length&&t.__.push({}),t.__[e]}function J(e){return ue=1,_t(Cn,e)}function _t(e,n,t){var o=Ve(le++,2);if(o.t=e,!o.__c&&(o.__=[t?t(n):Cn(void 0,n),function(d){var f=o.__N?o.__N[0]:o.__[0],c=o.t(f,d);f!==c&&(o.__N=[c,o.__[1]],o.__c.setState({}))}],o.__c=P,!P.__f)){var r=function(d,f,c){if(!o.__c.__H)return!0;var l=!1,_=o.__c.props!==d;if(o.__c.__H.__.some(function(u){if(u.__N){l=!0;var x=u.__[0];u.__=u.__N,u.__N=void 0,x!==u.__[0]&&(_=!0)}}),i){var a=i.call(this,d,f,c);return l?a||_:a}return!l||_};P.__f=!0;var i=P.shouldComponentUpdate,s=P.componentWillUpdate;P.componentWillUpdate=function(d,f,c){if(this.__e){var l=i;i=void 0,r(d,f,c),i=l}s&&s.call(this,d,f,c)},P.shouldComponentUpdate=r}return o.__N||o.__}function H(e,n){var t=Ve(le++,3);!A.__s&&$n(t.__H,n)&&(t.__=e,t.u=n,P.__H.__h.push(t))}function W(e){return ue=5,fe(function(){return{current:e}},[])}function fe(e,n){var t=Ve(le++,7);return $n(t.__H,n)&&(t.__=e(),t.__H=n,t.__h=e),t.__}function En(e,n){return ue=8,fe(function(){return e},n)}function pt(){for(var e;e=Mn.shift();){var n=e.__H;if(e.__P&&n)try{n.__h.some($e),n.__h.some(Ke),n.__h=[]}catch(t){n.__h=[],A.__e(t,e.__v)}}}A.__b=function(e){P=null,yn&&yn(e)},A.__=function(e,n){e&&n.__k&&n.__k.__m&&(e.__m=n.__k.__m),Sn&&Sn(e,n)},A.__r=function(e){gn&&gn(e),le=0;var n=(P=e.__c).__H;n&&(We===P?(n.__h=[],P.__h=[],n.__.some(function(t){t.__N&&(t.__=t.__N),t.u=t.__N=void 0})):(n.__h.some($e),n.__h.some(Ke),n.__h=[],le=0)),We=P},A.diffed=function(e){bn&&bn(e);var n=e.__c;n&&n.__H&&(n.__H.__h.length&&(Mn.push(n)!==1&&vn===A.requestAnimationFrame||((vn=A.requestAnimationFrame)||ht)(pt)),n.__H.__.some(function(t){t.u&&(t.__H=t.u,t.u=void 0)})),We=P=null},A.__c=function(e,n){n.some(function(t){try{t.__h.some($e),t.__h=t.__h.filter(function(o){return!o.__||Ke(o)})}catch(o){n.some(function(r){r.__h&&(r.__h=[])}),n=[],A.__e(o,t.__v)}}),xn&&xn(e,n)},A.unmount=function(e){wn&&wn(e);var n,t=e.__c;t&&t.__H&&(t.__H.__.some(function(o){try{$e(o)}catch(r){n=r}}),t.__H=void 0,n&&A.__e(n,t.__v))};var kn=typeof requestAnimationFrame=="function";function ht(e){var n,t=function(){clearTimeout(o),kn&&cancelAnimationFrame(n),setTimeout(e)},o=setTimeout(t,35);kn&&(n=requestAnimationFrame(t))}function $e(e){var n=P,t=e.__c;typeof t=="function"&&(e.__c=void 0,t()),P=n}function Ke(e){var n=P;e.__c=e.__(),P=n}function $n(e,n){return!e||e.length!==n.length||n.some(function(t,o){return t!==e[o]})}function Cn(e,n){return typeof n=="function"?n(e):n}var mt=Symbol.for("preact-signals");function Ae(){if(K>1)K--;else{var e,n=!1;for(function(){var r=Pe;for(Pe=void 0;r!==void 0;){var i=r.S;if(i.v===r.v)for(var s=i.t;s!==void 0;s=s.x)s.i===r.i&&(s.i=i.i);r=r.o}}();pe!==void 0;){var t=pe;for(pe=void 0,Ce++;t!==void 0;){var o=t.u;if(t.u=void 0,t.f&=-3,!(8&t.f)&&Tn(t))try{t.c()}catch(r){n||(e=r,n=!0)}t=o}}if(Ce=0,K--,n)throw e}}function ze(e){if(K>0)return e();Ye=++vt,K++;try{return e()}finally{Ae()}}var _e,E=void 0;function he(e){var n=E,t=_e;E=void 0,_e=void 0;try{return e()}finally{E=n,_e=t}}var pe=void 0,K=0,Ce=0,vt=0,Ye=0,Pe=void 0,Te=0;function Pn(e){if(E!==void 0){var n=e.n;if(n===void 0||n.t!==E)return n={i:0,S:e,p:E.s,n:void 0,t:E,e:void 0,x:void 0,r:n},E.s!==void 0&&(E.s.n=n),E.s=n,e.n=n,32&E.f&&e.S(n),n;if(n.i===-1)return n.i=0,n.n!==void 0&&(n.n.p=n.p,n.p!==void 0&&(n.p.n=n.n),n.p=E.s,n.n=void 0,E.s.n=n,E.s=n),n}}function N(e,n){this.v=e,this.i=0,this.n=void 0,this.t=void 0,this.l=0,this.W=n?.watched,this.Z=n?.unwatched,this.name=n?.name}N.prototype.brand=mt;N.prototype.h=function(){return!0};N.prototype.S=function(e){var n=this,t=this.t;t!==e&&e.e===void 0&&(e.x=t,this.t=e,t!==void 0?t.e=e:he(function(){var o;(o=n.W)==null||o.call(n)}))};N.prototype.U=function(e){var n=this;if(this.t!==void 0){var t=e.e,o=e.x;t!==void 0&&(t.x=o,e.e=void 0),o!==void 0&&(o.e=t,e.x=void 0),e===this.t&&(this.t=o,o===void 0&&he(function(){var r;(r=n.Z)==null||r.call(n)}))}};N.prototype.subscribe=function(e){var n=this;return te(function(){var t=n.value;he(function(){return e(t)})},{name:"sub"})};N.prototype.valueOf=function(){return this.value};N.prototype.toString=function(){return this.value+""};N.prototype.toJSON=function(){return this.value};N.prototype.peek=function(){var e=this;return he(function(){return e.value})};Object.defineProperty(N.prototype,"value",{get:function(){var e=Pn(this);return e!==void 0&&(e.i=this.i),this.v},set:function(e){if(e!==this.v){if(Ce>100)throw new Error("Cycle detected");(function(t){K!==0&&Ce===0&&t.l!==Ye&&(t.l=Ye,Pe={S:t,v:t.v,i:t.i,o:Pe})})(this),this.v=e,this.i++,Te++,K++;try{for(var n=this.t;n!==void 0;n=n.x)n.t.N()}finally{Ae()}}}});function X(e,n){return new N(e,n)}function Tn(e){for(var n=e.s;n!==void 0;n=n.n)if(n.S.i!==n.i||!n.S.h()||n.S.i!==n.i)return!0;return!1}function An(e){for(var n=e.s;n!==void 0;n=n.n){var t=n.S.n;if(t!==void 0&&(n.r=t),n.S.n=n,n.i=-1,n.n===void 0){e.s=n;break}}}function In(e){for(var n=e.s,t=void 0;n!==void 0;){var o=n.p;n.i===-1?(n.S.U(n),o!==void 0&&(o.n=n.n),n.n!==void 0&&(n.n.p=o)):t=n,n.S.n=n.r,n.r!==void 0&&(n.r=void 0),n=o}e.s=t}function ne(e,n){N.call(this,void 0,n),this.x=e,this.s=void 0,this.g=Te-1,this.f=4}ne.prototype=new N;ne.prototype.h=function(){if(this.f&=-3,1&this.f)return!1;if((36&this.f)==32||(this.f&=-5,this.g===Te))return!0;if(this.g=Te,this.f|=1,this.i>0&&!Tn(this))return this.f&=-2,!0;var e=E;try{An(this),E=this;var n=this.x();(16&this.f||this.v!==n||this.i===0)&&(this.v=n,this.f&=-17,this.i++)}catch(t){this.v=t,this.f|=16,this.i++}return E=e,In(this),this.f&=-2,!0};ne.prototype.S=function(e){if(this.t===void 0){this.f|=36;for(var n=this.s;n!==void 0;n=n.n)n.S.S(n)}N.prototype.S.call(this,e)};ne.prototype.U=function(e){if(this.t!==void 0&&(N.prototype.U.call(this,e),this.t===void 0)){this.f&=-33;for(var n=this.s;n!==void 0;n=n.n)n.S.U(n)}};ne.prototype.N=function(){if(!(2&this.f)){this.f|=6;for(var e=this.t;e!==void 0;e=e.x)e.t.N()}};Object.defineProperty(ne.prototype,"value",{get:function(){if(1&this.f)throw new Error("Cycle detected");var e=Pn(this);if(this.h(),e!==void 0&&(e.i=this.i),16&this.f)throw this.v;return this.v}});function Ie(e,n){return new ne(e,n)}function Nn(e){var n=e.j;if(e.j=void 0,typeof n=="function"){K++;var t=E;E=void 0;try{n()}catch(o){throw e.f&=-2,e.f|=8,Qe(e),o}finally{E=t,Ae()}}}function Qe(e){for(var n=e.s;n!==void 0;n=n.n)n.S.U(n);e.x=void 0,e.s=void 0,Nn(e)}function yt(e){if(E!==this)throw new Error("Out-of-order effect");In(this),E=e,this.f&=-2;try{8&this.f&&Qe(this)}finally{Ae()}}function ae(e,n){this.x=e,this.j=void 0,this.s=void 0,this.u=void 0,this.f=32,this.name=n?.name,_e&&_e.push(this)}ae.prototype.c=function(){var e=this.S();try{if(8&this.f||this.x===void 0)return;var n=this.x();typeof n=="function"&&(this.j=n)}finally{e()}};ae.prototype.S=function(){if(1&this.f)throw new Error("Cycle detected");this.f|=1,this.f&=-9,Nn(this),An(this),K++;var e=E;return E=this,yt.bind(this,e)};ae.prototype.N=function(){2&this.f||(this.f|=2,this.u=pe,pe=this)};ae.prototype.d=function(){this.f|=8,1&this.f||Qe(this)};ae.prototype.dispose=function(){this.d()};function te(e,n){var t=new ae(e,n);try{t.c()}catch(r){throw t.d(),r}var o=t.d.bind(t);return o[Symbol.dispose]=o,o}var Rn,Re,Ne,gt=typeof window<"u"&&!!window.__PREACT_SIGNALS_DEVTOOLS__;var Ln=[];te(function(){Rn=this.N})();function se(e,n){S[e]=n.bind(null,S[e]||function(){})}function me(e){if(Ne){var n=Ne;Ne=void 0,n()}Ne=e&&e.S()}function Dn(e){var n=this,t=e.data,o=xt(t);o.name="ReactiveDom",o.value=t;var r=fe(function(){for(var d=n,f=n.__v;f=f.__;)if(f.__c){f.__c.__$f|=4;break}var c=Ie(function(){var u=o.value.value;return u===0?0:u===!0?"":u||""}),l=Ie(function(){return!Array.isArray(c.value)&&!Oe(c.value)}),_=te(function(){if(this.N=Un,l.value){var u=c.value;d.__v&&d.__v.__e&&d.__v.__e.nodeType===3&&(d.__v.__e.data=u)}}),a=n.__$u.d;return n.__$u.d=function(){_(),a.call(this)},[l,c]},[]),i=r[0],s=r[1];return i.value?s.peek():s.value}Dn.displayName="ReactiveTextNode";Object.defineProperties(N.prototype,{constructor:{configurable:!0,value:He(B,null).constructor},type:{configurable:!0,value:Dn},props:{configurable:!0,get:function(){var e=this;return{data:{get value(){return e.value}}}}},__b:{configurable:!0,value:1}});se("__b",function(e,n){if(me(),Re=void 0,typeof n.type=="string"){var t,o=n.props;for(var r in o)if(r!=="children"){var i=o[r];i instanceof N&&(t||(n.__np=t={}),t[r]=i,o[r]=i.peek())}}e(n)});se("__r",function(e,n){if(e(n),n.type!==B){me();var t,o=n.__c;o&&(o.__$f&=-2,(t=o.__$u)===void 0&&(o.__$u=t=function(r,i){var s;return te(function(){s=this},{name:i}),s.c=r,s}(function(r){return function(){var i;gt&&((i=this.y)==null||i.call(this)),r.__$f|=1,r.setState({})}}(o),typeof n.type=="function"?n.type.displayName||n.type.name:""))),Re=o,me(t)}});se("__e",function(e,n,t,o){me(),Re=void 0,e(n,t,o)});se("diffed",function(e,n){me(),Re=void 0;var t;if(typeof n.type=="string"&&(t=n.__e)){var o=n.__np,r=n.props,i=t.U;if(i)for(var s in i){var d=i[s];d===void 0||o&&s in o||(d.d(),i[s]=void 0)}if(o){i||(i={},t.U=i);for(var f in o){var c=i[f],l=o[f];c===void 0?(c=bt(t,f,l,r),i[f]=c):c.o(l,r)}}}e(n)});function bt(e,n,t,o){var r=n in e&&e.ownerSVGElement===void 0,i=X(t);return{o:function(s,d){i.value=s,o=d},d:te(function(){this.N=Un;var s=i.value.value;o[n]!==s&&(o[n]=s,r?e[n]=s:s!=null&&(s!==!1||n[4]==="-")?e.setAttribute(n,s):e.removeAttribute(n))})}}se("unmount",function(e,n){if(typeof n.type=="string"){var t=n.__e;if(t){var o=t.U;if(o){t.U=void 0;for(var r in o){var i=o[r];i&&i.d()}}}var s=n.__np;if(s){var d=n.props;for(var f in s)d[f]=s[f]}n.__np=void 0}else{var c=n.__c;if(c){c.__$f|=8;var l=c.__$u;l&&(c.__$u=void 0,l.d())}}e(n)});se("__h",function(e,n,t,o){o<3&&(n.__$f|=2),e(n,t,o)});ie.prototype.shouldComponentUpdate=function(e,n){if(this.__R)return!0;var t=this.__$u,o=t&&t.s!==void 0;for(var r in n)return!0;if(this.__f||typeof this.u=="boolean"&&this.u===!0){var i=2&this.__$f;if(!(o||i||4&this.__$f)||1&this.__$f)return!0}else if(!(o||4&this.__$f)||3&this.__$f)return!0;for(var s in e)if(s!=="__source"&&e[s]!==this.props[s])return!0;for(var d in this.props)if(!(d in e))return!0;return!1};function xt(e,n){return fe(function(){return X(e,n)},[])}var wt=function(e){queueMicrotask(function(){queueMicrotask(e)})};function St(){ze(function(){for(var e;e=Ln.shift();)Rn.call(e)})}function Un(){Ln.push(this)===1&&(S.requestAnimationFrame||wt)(St)}function Fn(e){return typeof e=="object"&&e!==null}var qn="x-graphql-event-stream-token";function On(e){if(e=e,e!=="next"&&e!=="complete")throw new Error(`Invalid stream event "${e}"`);return e}function jn(e,n){if(n)try{n=JSON.parse(n)}catch{throw new Error("Invalid stream data")}if(e==="next"&&!n)throw new Error('Stream data must be an object for "next" events');return n||null}var oe;(function(e){e[e.NewLine=10]="NewLine",e[e.CarriageReturn=13]="CarriageReturn",e[e.Space=32]="Space",e[e.Colon=58]="Colon"})(oe||(oe={}));function Bn(){let e,n,t,o=!1,r={event:"",data:""},i=[],s=new TextDecoder;return function(f){if(e===void 0)e=f,n=0,t=-1;else{let _=new Uint8Array(e.length+f.length);_.set(e),_.set(f,e.length),e=_}let c=e.length,l=0;for(;n<c;){o&&(e[n]===oe.NewLine&&(l=++n),o=!1);let _=-1;for(;n<c&&_===-1;++n)switch(e[n]){case oe.Colon:t===-1&&(t=n-l);break;case oe.CarriageReturn:o=!0;case oe.NewLine:_=n;break}if(_===-1)break;if(l===_){if(r.event||r.data){if(!r.event)throw new Error("Missing message event");let a=On(r.event),u=jn(a,r.data);i.push({event:a,data:u}),r={event:"",data:""}}}else if(t>0){let a=e.subarray(l,_),u=s.decode(a.subarray(0,t)),x=t+(a[t+1]===oe.Space?2:1),g=s.decode(a.subarray(x));switch(u){case"event":r.event=g;break;case"data":r.data=r.data?r.data+`
`+g:g;break}}l=n,t=-1}if(l===c){e=void 0;let _=[...i];return i=[],_}else l!==0&&(e=e.subarray(l),n-=l)}}function Jn(e){let{singleConnection:n=!1,lazy:t=!0,lazyCloseTimeout:o=0,onNonLazyError:r=console.error,generateID:i=function(){return"xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replace(/[xy]/g,M=>{let y=Math.random()*16|0;return(M=="x"?y:y&3|8).toString(16)})},retryAttempts:s=5,retry:d=async function(M){let y=1e3;for(let h=0;h<M;h++)y*=2;await new Promise(h=>setTimeout(h,y+Math.floor(Math.random()*2700+300)))},credentials:f="same-origin",referrer:c,referrerPolicy:l,onMessage:_,on:a}=e,u=e.fetchFn||fetch,x=e.abortControllerImpl||AbortController,g=(()=>{let k=!1,M=[];return{get disposed(){return k},onDispose(y){return k?(setTimeout(()=>y(),0),()=>{}):(M.push(y),()=>{M.splice(M.indexOf(y),1)})},dispose(){if(!k){k=!0;for(let y of[...M])y()}}}})(),m,v,p=0,w=null,$=0;async function F(){try{if(g.disposed)throw new Error("Client has been disposed");return await(v??(v=(async()=>{var k,M,y;if(w){if(await d($),m.signal.aborted)throw new Error("Connection aborted by the client");$++}(k=a?.connecting)===null||k===void 0||k.call(a,!!w),m=new x;let h=g.onDispose(()=>m.abort());m.signal.addEventListener("abort",()=>{h(),v=void 0});let R=e,C=typeof R.url=="function"?await R.url(void 0):R.url;if(m.signal.aborted)throw new Error("Connection aborted by the client");let I=typeof R.headers=="function"?await R.headers(void 0):(M=R.headers)!==null&&M!==void 0?M:{};if(m.signal.aborted)throw new Error("Connection aborted by the client");let T;try{T=await u(C,{signal:m.signal,method:"PUT",credentials:f,referrer:c,referrerPolicy:l,headers:I})}catch(q){throw new U(q)}if(T.status!==201)throw new U(T);let Y=await T.text();I[qn]=Y;let z=await Hn({signal:m.signal,headers:I,credentials:f,referrer:c,referrerPolicy:l,url:C,fetchFn:u,onMessage:q=>{var L;(L=a?.message)===null||L===void 0||L.call(a,q),_?.(q)}});return(y=a?.connected)===null||y===void 0||y.call(a,!!w),z.waitForThrow().catch(()=>v=void 0),z})()))}catch(k){throw v=void 0,k}}n&&!t&&(async()=>{for(p++;;)try{let{waitForThrow:k}=await F();await k()}catch(k){if(g.disposed)return;if(!(k instanceof U)||(v=void 0,!s||$>=s))return r?.(k);w=k}})();function V(k,M,y){if(!n){let C=new x,I=g.onDispose(()=>{I(),C.abort()});return(async()=>{var T,Y,z,q,L;let O=null,re=0;for(;;)try{if(O){if(await d(re),C.signal.aborted)throw new Error("Connection aborted by the client");re++}(T=a?.connecting)===null||T===void 0||T.call(a,!!O),(Y=y?.connecting)===null||Y===void 0||Y.call(y,!!O);let j=e,tt=typeof j.url=="function"?await j.url(k):j.url;if(C.signal.aborted)throw new Error("Connection aborted by the client");let ot=typeof j.headers=="function"?await j.headers(k):(z=j.headers)!==null&&z!==void 0?z:{};if(C.signal.aborted)throw new Error("Connection aborted by the client");let{getResults:rt}=await Hn({signal:C.signal,headers:{...ot,"content-type":"application/json; charset=utf-8"},credentials:f,referrer:c,referrerPolicy:l,url:tt,body:JSON.stringify(k),fetchFn:u,onMessage:ce=>{var Le,De;(Le=a?.message)===null||Le===void 0||Le.call(a,ce),(De=y?.message)===null||De===void 0||De.call(y,ce),_?.(ce)}});(q=a?.connected)===null||q===void 0||q.call(a,!!O),(L=y?.connected)===null||L===void 0||L.call(y,!!O);for await(let ce of rt())O=null,re=0,M.next(ce);return C.abort()}catch(j){if(C.signal.aborted)return;if(!(j instanceof U)||!s||re>=s)throw j;O=j}})().then(()=>M.complete()).catch(T=>M.error(T)),()=>C.abort()}p++;let h=new x,R=g.onDispose(()=>{R(),h.abort()});return(async()=>{let C=i();k={...k,extensions:{...k.extensions,operationId:C}};let I=null;for(;;){I=null;try{let{url:T,headers:Y,getResults:z}=await F(),q;try{q=await u(T,{signal:h.signal,method:"POST",credentials:f,referrer:c,referrerPolicy:l,headers:{...Y,"content-type":"application/json; charset=utf-8"},body:JSON.stringify(k)})}catch(L){throw new U(L)}if(q.status!==202)throw new U(q);I=async()=>{let L;try{let O=new x,re=g.onDispose(()=>{re(),O.abort()});L=await u(T+"?operationId="+C,{signal:O.signal,method:"DELETE",credentials:f,referrer:c,referrerPolicy:l,headers:Y})}catch(O){throw new U(O)}if(L.status!==200)throw new U(L)};for await(let L of z({signal:h.signal,operationId:C}))w=null,$=0,M.next(L);return I=null,h.abort()}catch(T){if(h.signal.aborted)return await I?.();if(!(T instanceof U)||(t&&(v=void 0),!s||$>=s))throw h.abort(),T;w=T}finally{h.signal.aborted&&--p===0&&(isFinite(o)&&o>0?setTimeout(()=>{p||m.abort()},o):m.abort())}}})().then(()=>M.complete()).catch(C=>M.error(C)),()=>h.abort()}return{subscribe:V,iterate(k,M){let y=[],h={done:!1,error:null,resolve:()=>{}},R=V(k,{next(I){y.push(I),h.resolve()},error(I){h.done=!0,h.error=I,h.resolve()},complete(){h.done=!0,h.resolve()}},M),C=async function*(){for(;;){for(y.length||await new Promise(T=>h.resolve=T);y.length;)yield y.shift();if(h.error)throw h.error;if(h.done)return}}();return C.throw=async I=>(h.done||(h.done=!0,h.error=I,h.resolve()),{done:!0,value:void 0}),C.return=async()=>(R(),{done:!0,value:void 0}),C},dispose(){g.dispose()}}}var U=class extends Error{constructor(n){let t,o;kt(n)?(o=n,t="Server responded with "+n.status+": "+n.statusText):n instanceof Error?t=n.message:t=String(n),super(t),this.name=this.constructor.name,this.response=o}};function kt(e){return Fn(e)&&typeof e.ok=="boolean"&&typeof e.status=="number"&&typeof e.statusText=="string"}async function Hn(e){let{signal:n,url:t,credentials:o,headers:r,body:i,referrer:s,referrerPolicy:d,fetchFn:f,onMessage:c}=e,l={},_={},a;try{a=await f(t,{signal:n,method:i?"POST":"GET",credentials:o,referrer:s,referrerPolicy:d,headers:{...r,accept:"text/event-stream"},body:i})}catch(g){throw new U(g)}if(!a.ok)throw new U(a);if(!a.body)throw new Error("Missing response body");let u=null,x;return(async()=>{var g;try{let m=Bn();for await(let v of Mt(a.body)){if(typeof v=="string")throw u=new Error(`Unexpected string chunk "${v}"`);let p;try{p=m(v)}catch(w){throw u=w}if(p)for(let w of p){try{c?.(w)}catch(F){throw u=F}let $=w.data&&"id"in w.data?w.data.id:"";switch($ in _||(_[$]=[]),w.event){case"next":$?_[$].push(w.data.payload):_[$].push(w.data);break;case"complete":_[$].push("complete");break;default:throw u=new Error(`Unexpected message event "${w.event}"`)}(g=l[$])===null||g===void 0||g.proceed()}}if(Object.keys(l).length)throw new Error("Connection closed while having active streams")}catch(m){!u&&Object.keys(l).length?u=new U(m):u=m,x?.(u)}finally{Object.values(l).forEach(({proceed:m})=>m())}})(),{url:t,headers:r,waitForThrow:()=>new Promise((g,m)=>{if(u)return m(u);x=m}),async*getResults(g){var m;let{signal:v,operationId:p=""}=g??{};try{for(;;){for(;!((m=_[p])===null||m===void 0)&&m.length;){let w=_[p].shift();if(w==="complete")return;yield w}if(u)throw u;if(v?.aborted)throw new Error("Getting results aborted by the client");await new Promise(w=>{let $=()=>{v?.removeEventListener("abort",$),delete l[p],w()};v?.addEventListener("abort",$),l[p]={proceed:$}})}}finally{delete _[p]}}}}function Mt(e){return typeof Object(e)[Symbol.asyncIterator]=="function"?(e=e,e):async function*(){let n=e.getReader(),t;do t=await n.read(),t.value!==void 0&&(yield t.value);while(!t.done)}()}var Gn="/graphql",Xe="geodesic.key",Et=1e4,D=class extends Error{code;constructor(n,t){super(t),this.code=n}},Z=X(sessionStorage.getItem(Xe)),Wn=X(null),ve=X(!1);function so(e){e===null?sessionStorage.removeItem(Xe):sessionStorage.setItem(Xe,e),Z.value=e,Wn.value=null}function Kn(e,n){return{documentId:e.sha256,operationName:e.name,variables:n}}function Vn(e=Z.value){return e===null?{}:{authorization:`Bearer ${e}`}}async function Yn(e,n,t,o=Z.value){let r=await fetch(Gn,{method:"POST",headers:{...Vn(o),"content-type":"application/json",accept:"application/json"},body:JSON.stringify(Kn(e,n)),signal:t??null}).catch(s=>{throw t?.aborted?s:Xn()});ve.value=!1;let i=await r.json().catch(()=>{throw new D("BAD_ANSWER",`The gateway answered ${r.status} without JSON`)});if(r.status===401)throw Qn(o);return zn(i)}function zn(e){let n=Array.isArray(e.errors)?e.errors[0]:void 0;if(n!==void 0)throw new D(String(n.extensions?.code??"UNKNOWN"),String(n.message));return e.data}function Qn(e=Z.value){return e===Z.value&&(Wn.value=e===null?"missing":"rejected"),new D("UNAUTHENTICATED","This gateway needs a key that it knows")}function Xn(){return ve.value=!0,new D("OFFLINE","The gateway does not answer")}var $t=/(Finished|Failed|Cancelled)$/;async function co(e,n,t){let o=n.afterSeq;for(let r=500;;r=Math.min(r*2,Et)){try{for await(let i of Ze(e,{id:n.id,afterSeq:o},t.signal)){let s=Object.values(i)[0];if(ve.value=!1,r=500,!(s.seq<=o)&&(o=s.seq,t.onEvent(s),$t.test(s.__typename)))return}}catch(i){if(t.signal.aborted)return;if(!(i instanceof D)||i.code!=="OFFLINE")throw i}if(t.signal.aborted)return;await new Promise(i=>setTimeout(i,r))}}async function*Ze(e,n,t){let o=Jn({url:Gn,headers:()=>Vn(),retryAttempts:0}),r=o.iterate(Kn(e,n)),i=()=>o.dispose();t.addEventListener("abort",i,{once:!0});try{for await(let s of r)yield zn(s)}catch(s){if(s instanceof D||t.aborted)throw s;let d=s.response?.status;throw d===401?Qn():d!==void 0&&d>=400&&d<500?new D("REFUSED",`The gateway refused the stream (${d})`):Xn()}finally{t.removeEventListener("abort",i),o.dispose()}}function lo(e){if("code"in e){let{code:n,message:t}=e;throw new D(n,t)}return e}function po(e,n,t){let o=`${e.sha256} ${JSON.stringify(n)}`;return Ct(o,r=>Yn(e,n,r),t)}function Ct(e,n,t){let[o,r]=J({key:null}),i=e===null?null:`${e} ${Z.value}`,[s,d]=J(0),f=En(()=>d(l=>l+1),[]);H(()=>{if(i===null)return;let l=new AbortController;return n(l.signal).then(_=>r({key:i,data:_}),_=>{if(l.signal.aborted)return;let a=_ instanceof D?_:new D("UNEXPECTED",String(_));r(u=>({...u.key===i?u:{},key:i,error:a}))}),()=>l.abort()},[i,s]),Pt(f,t);let c=i!==null&&o.key===i;return{data:c?o.data:void 0,error:c?o.error:void 0,reload:f}}function Pt(e,n){let t=W(e);t.current=e,H(()=>{if(n===void 0)return;let o=()=>document.visibilityState==="visible"&&t.current(),r=setInterval(o,n);return document.addEventListener("visibilitychange",o),()=>{clearInterval(r),document.removeEventListener("visibilitychange",o)}},[n])}function ho(e){let[n,t]=J(()=>matchMedia(e).matches);return H(()=>{let o=matchMedia(e),r=()=>t(o.matches);return r(),o.addEventListener("change",r),()=>o.removeEventListener("change",r)},[e]),n}function mo(e){let[n,t]=J();return H(()=>{let o=!0;return e().then(r=>o&&t(()=>r)),()=>void(o=!1)},[]),n}function vo(e){let[n,t]=J(!1),[o,r]=J(null);return{run:(...s)=>{t(!0),r(null),e(...s).catch(d=>r(d instanceof D?d:new D("UNEXPECTED",String(d)))).finally(()=>t(!1))},busy:n,error:o}}function yo(e,n,t){let o=W(t);o.current=t,H(()=>{let r=new AbortController;return(async()=>{for(let s=1e3;!r.signal.aborted;s=Math.min(s*2,3e4)){try{for await(let d of Ze(e,n,r.signal))s=1e3,o.current(d)}catch{}await new Promise(d=>setTimeout(d,s))}})(),()=>r.abort()},[e.sha256,JSON.stringify(n),Z.value])}var Zn=["B","kB","MB","GB","TB"];function bo(e){let n=Number(e),t=0;for(;n>=1e3&&t<Zn.length-1;t++)n/=1e3;return`${ye(n)} ${Zn[t]}`}function xo(e){let n=Number(e);return n>=1e9?`${ye(n/1e9)}B`:n>=1e6?`${ye(n/1e6)}M`:n>=1e3?`${ye(n/1e3)}k`:String(n)}function wo(e){return e>=1024?`${ye(e/1024)}k`:String(e)}function ye(e){return e>=100?e.toFixed(0):String(Number(e.toPrecision(3)))}function So(e){return new Date(e).toLocaleDateString("en",{day:"numeric",month:"short",year:"numeric"})}function ko(e){return new Date(e).toLocaleString("en",{dateStyle:"medium",timeStyle:"short"})}function Mo(e){return Number(e).toLocaleString("en")}function et(e){return e<1?`${Math.round(e*1e3)} ms`:e<90?`${e<10?e.toFixed(1):Math.round(e)} s`:`${Math.round(e/60)} min`}function Eo(e){return Math.acos(Math.min(1,Math.max(-1,e)))*180/Math.PI}var $o={BFLOAT16:"bfloat16",FLOAT16:"float16",FLOAT32:"float32",FLOAT8_E4M3:"FP8"},Co={FP8_E4M3:"FP8",NONE:"None"};function en(e){return e[0]+e.slice(1).toLowerCase().replaceAll("_"," ")}var To={name:"DefaultsPage",kind:"query",sha256:"2344c09baa4ab27feaa34737c54342d87b195a35b37494c9be7bd51c0d794734",text:`query DefaultsPage($model: ModelRef) {
  samplingDefaults(model: $model) {
    history(first: 50) {
      totalCount
      edges {
        node {
          ...Revision
        }
      }
    }
  }
  samplingParameters(model: $model) {
    ...Parameter
  }
}

fragment Revision on SamplingRevision {
  id
  revision
  author
  reason
  createdAt
  changes {
    parameter
    before
    after
  }
}

fragment Parameter on SamplingParameter {
  name
  type
  description
  default
  origin
  min
  max
  minExclusive
  maxItems
  maxLength
}`},Ao={name:"UpdateDefaults",kind:"mutation",sha256:"d6a34182b669dd216ddce5bb3b4266d999d50159a2d5dbee2cb8c3f3c0c8d539",text:`mutation UpdateDefaults($input: UpdateSamplingDefaultsInput!) {
  updateSamplingDefaults(input: $input) {
    __typename
    ... on UpdateSamplingDefaultsPayload {
      revision {
        id
        revision
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Io={name:"RevertDefaults",kind:"mutation",sha256:"d4c1e683b5c20a21277dbd68e5062509a10079474fc9f563859ec4c99fb25c6c",text:`mutation RevertDefaults($input: RevertSamplingDefaultsInput!) {
  revertSamplingDefaults(input: $input) {
    __typename
    ... on RevertSamplingDefaultsPayload {
      revision {
        id
        revision
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},No={name:"Merges",kind:"query",sha256:"30838a3e6edb3ac8942fb9512900951b2d86862cf58396dfe42e7faf190a0d2d",text:`query Merges($first: Int!) {
  merges(first: $first) {
    totalCount
    edges {
      node {
        ...MergeRow
      }
    }
  }
}

fragment MergeRow on Merge {
  id
  name
  status
  method
  position
  createdAt
  startedAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},Ro={name:"MergePlan",kind:"query",sha256:"d0d815b0ffa5419791976407416f189a148ca1d97774693f77cd24ec1163f72f",text:`query MergePlan($configYaml: String!) {
  mergePlan(configYaml: $configYaml) {
    ok
    problems {
      code
      message
      line
      column
    }
    documents {
      name
      method
      baseModel
      dtype
      layers
      models {
        name
        weightBytes
      }
      readBytes
      writeBytes
      estimatedSeconds
      tensors {
        name
        operation
        filter
        t
      }
      files {
        file
        bytes
      }
    }
  }
}`},Lo={name:"StartMerge",kind:"mutation",sha256:"5e8076634f4c1242f48f590c6fd530c1fbbf25d65c3d52ee37419916dbeab5ad",text:`mutation StartMerge($input: StartMergeInput!) {
  startMerge(input: $input) {
    __typename
    ... on StartMergePayload {
      merge {
        ...MergeRow
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment MergeRow on Merge {
  id
  name
  status
  method
  position
  createdAt
  startedAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},Do={name:"CancelMerge",kind:"mutation",sha256:"c041040a829fe0d4a7d45ffd3e4f7c1c4df240e4ed39cdbc3838a9e088a5c94c",text:`mutation CancelMerge($input: CancelMergeInput!) {
  cancelMerge(input: $input) {
    __typename
    ... on CancelMergePayload {
      merge {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Uo={name:"WatchMerge",kind:"subscription",sha256:"5ead09d03ed894a93dc9fb3841ca5b99e42c6ed6071bf988f8ea844a13d5e0d5",text:`subscription WatchMerge($id: ID!, $afterSeq: Int!) {
  mergeEvents(id: $id, afterSeq: $afterSeq) {
    __typename
    seq
    ... on MergeQueued {
      position
    }
    ... on MergeProgress {
      stage
      doneBytes
      totalBytes
      doneTensors
      totalTensors
      bytesPerSecond
      secondsLeft
    }
    ... on MergeFinished {
      artifactSha256
      model {
        name
      }
    }
    ... on MergeFailed {
      code
      message
    }
  }
}`},Fo={name:"Keys",kind:"query",sha256:"080fdb88b024f13f68e149e41016f48a8dd5f084c4856b831302b49fe84c4b3d",text:`query Keys {
  apiKeys {
    id
    label
    prefix
    role
    createdAt
    revokedAt
    expiresAt
    lastUsedAt
  }
}`},qo={name:"CreateKey",kind:"mutation",sha256:"8e888b5e2905221b8f259621e7356bc37b4ff159ce63e39144289b45237f8ca5",text:`mutation CreateKey($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    __typename
    ... on CreateApiKeyPayload {
      secret
      apiKey {
        id
        label
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Oo={name:"RevokeKey",kind:"mutation",sha256:"1e7332d43f00d8158c6d7e2b578be0e1d40209033bfe4f706c6f2fd156861997",text:`mutation RevokeKey($input: RevokeApiKeyInput!) {
  revokeApiKey(input: $input) {
    __typename
    ... on RevokeApiKeyPayload {
      revokedId
    }
    ... on Error {
      code
      message
    }
  }
}`},jo={name:"EngineState",kind:"query",sha256:"90a23de465beba1876d1ea661a207d1c6db0aa71477443126771a278e996efbc",text:`query EngineState {
  runtime {
    batchSize
    running
    waiting
    tokensPerSecond
    generatedTokens
    kvBlocksTotal
    kvBlocksUsed
    steps
    stepsPerSubmit
    dispatchesPerStep
    device {
      adapter
      backend
      vendor
      software
    }
    engine {
      state
      reason
      restarts
      attempt
      retryAt
    }
    models {
      key
      running
      waiting
      weightBytes
      kvCacheBytes
      kvBlocksTotal
      kvBlocksUsed
      kvBlocksCached
      preemptions
      prefixCacheHits
      prefixCacheQueries
    }
  }
}`},Bo={name:"AuditLog",kind:"query",sha256:"c2697f69dd47014e44a79d2dac99de62075ca94338251aa93957f4f6fee52edd",text:`query AuditLog($first: Int!, $after: String, $where: AuditFilter) {
  auditLog(first: $first, after: $after, where: $where) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      node {
        seq
        action
        actorId
        actorLabel
        target
        details
        at
        hash
      }
    }
  }
}`},Ho={name:"VerifyAuditLog",kind:"query",sha256:"9501458266c8e6a45aa00bef39a202c3bd93c9fc42045688b4bfad7ca378f925",text:`query VerifyAuditLog {
  verifyAuditLog {
    isIntact
    entries
    headHash
    brokenSeq
    reason
  }
}`},Jo={name:"Usage",kind:"query",sha256:"a737207f007d5bd8d375c856ca0b39509b4d0d7d594e49ec35e7828bff057bd6",text:`query Usage {
  usage(first: 100) {
    edges {
      node {
        day
        principalId
        generations
        promptTokens
        cachedTokens
        completionTokens
        engineMs
        model {
          name
        }
      }
    }
  }
}`},Go={name:"Models",kind:"query",sha256:"caa0f475e018f3b9a3a1c0f666b2f217647cde575a47e22ffba77d8d76a5865c",text:`query Models($first: Int!, $after: String, $where: ModelFilter) {
  models(first: $first, after: $after, where: $where) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      node {
        ...Card
        parents {
          name
        }
        provenance {
          method
        }
      }
    }
  }
}

fragment Card on Model {
  ...Residency
  author
  task
  architecture
  parameterCount
  license
  publishedAt
  createdAt
  nativeContextLength
  servedContextLength
  nativeDtype
  servedQuantization
  concurrencyCost
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Wo={name:"ModelNames",kind:"query",sha256:"a1d8d96f52cb82d5bf4dfb00b060d191298d2521cbfc58709412058dd7749d39",text:`query ModelNames {
  models(first: 100) {
    edges {
      node {
        ...Residency
        concurrencyCost
        parents {
          name
        }
      }
    }
  }
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Ko={name:"ModelPage",kind:"query",sha256:"97084d96c0092458b8842240c5a4c0002f283306f04a824a0fd569e3227395f0",text:`query ModelPage($ref: ModelRef!) {
  model(ref: $ref) {
    ...Card
    description
    artifact {
      manifestSha256
      sizeBytes
      files {
        path
        sha256
        sizeBytes
      }
    }
    parents {
      ...Card
      provenance {
        method
      }
      artifact {
        manifestSha256
      }
    }
    descendants {
      id
      name
    }
    declaredParents {
      name
      isBase
      model {
        name
      }
    }
    recipe {
      method
      configYaml
      configSha256
    }
    origin {
      repository
      revision
    }
    provenance {
      id
      method
      dtype
      status
      toolVersion
      configYaml
      configSha256
      startedAt
      finishedAt
      baseModel {
        name
      }
      sources {
        name
        layerRange
        isBase
        artifactSha256
        model {
          name
        }
      }
      parameters {
        name
        filter
        value
        gradient
      }
      curves {
        filter
        t
      }
    }
  }
}

fragment Card on Model {
  ...Residency
  author
  task
  architecture
  parameterCount
  license
  publishedAt
  createdAt
  nativeContextLength
  servedContextLength
  nativeDtype
  servedQuantization
  concurrencyCost
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Vo={name:"ModelEvents",kind:"subscription",sha256:"ce9c948fbc7f54101819f0295b487f7d802121a77331d87cffcb9ebc529e7790",text:`subscription ModelEvents($ref: ModelRef) {
  modelEvents(ref: $ref) {
    news
    residency {
      ...ResidencyState
    }
    model {
      id
      name
    }
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Yo={name:"ModelJobs",kind:"query",sha256:"113fef19561e23b2573d9ddd7921d3ec1763585a084349f8492bc2d3c27dfcf3",text:`query ModelJobs($first: Int!, $where: ModelJobFilter) {
  modelJobs(first: $first, where: $where) {
    edges {
      node {
        ...JobRow
        verification {
          ...Verified
        }
      }
    }
  }
}

fragment JobRow on ModelJob {
  id
  kind
  status
  modelName
  repository
  createdAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}

fragment Verified on ModelVerification {
  ok
  files
  hashedTensors
  recomputedTensors
  totalTensors
  manifestSha256
  mismatchCount
  mismatches {
    kind
    subject
    expected
    found
    stage
    field
  }
  sources {
    name
    state
  }
}`},zo={name:"VerifyModel",kind:"mutation",sha256:"80e25bfb2453a0f21a4a48f9c9aebe1993a17d2961d16a0bab4cceda917ab8a0",text:`mutation VerifyModel($input: VerifyModelInput!) {
  verifyModel(input: $input) {
    __typename
    ... on VerifyModelPayload {
      job {
        ...JobRow
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment JobRow on ModelJob {
  id
  kind
  status
  modelName
  repository
  createdAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},Qo={name:"PullModel",kind:"mutation",sha256:"853c1600214b5bff90c70f08734ce4ef8da9978d635575a40631ebc85956ddb4",text:`mutation PullModel($input: PullModelInput!) {
  pullModel(input: $input) {
    __typename
    ... on PullModelPayload {
      job {
        ...JobRow
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment JobRow on ModelJob {
  id
  kind
  status
  modelName
  repository
  createdAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},Xo={name:"CancelJob",kind:"mutation",sha256:"6eb5c2ea659b99e59785c88f9c67bcd71d030215c590f01c212f4730dc4a9e01",text:`mutation CancelJob($input: CancelModelJobInput!) {
  cancelModelJob(input: $input) {
    __typename
    ... on CancelModelJobPayload {
      job {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Zo={name:"WatchJob",kind:"subscription",sha256:"76de383f08a0e6f6acae620154c8355b5827ae2b5b3c169b4a0543cf1c9d8126",text:`subscription WatchJob($id: ID!, $afterSeq: Int!) {
  modelJobEvents(id: $id, afterSeq: $afterSeq) {
    __typename
    seq
    ... on ModelJobProgress {
      stage
      doneBytes
      totalBytes
      doneItems
      totalItems
      bytesPerSecond
      secondsLeft
    }
    ... on ModelJobFailed {
      code
      message
    }
    ... on ModelJobFinished {
      job {
        model {
          name
        }
        verification {
          ...Verified
        }
      }
    }
  }
}

fragment Verified on ModelVerification {
  ok
  files
  hashedTensors
  recomputedTensors
  totalTensors
  manifestSha256
  mismatchCount
  mismatches {
    kind
    subject
    expected
    found
    stage
    field
  }
  sources {
    name
    state
  }
}`},er={name:"MergeTensors",kind:"query",sha256:"04510802c24cb78f8ee9955f80358c22ced620466d249f6b1090fec8f0351199",text:`query MergeTensors($id: ID!, $first: Int!, $after: String, $where: MergeTensorFilter, $orderBy: MergeTensorOrder) {
  merge(id: $id) {
    id
    tensors(first: $first, after: $after, where: $where, orderBy: $orderBy) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          name
          layer
          filter
          t
          mode
          cosine
          outputSha256
        }
      }
    }
  }
}`},nr={name:"LoadModel",kind:"mutation",sha256:"2592235f2f842cd717f2c52cd6bb3b1c42f7f9770524a49cd854435948f9cbaf",text:`mutation LoadModel($input: LoadModelInput!) {
  loadModel(input: $input) {
    __typename
    ... on LoadModelPayload {
      model {
        ...Residency
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},tr={name:"UnloadModel",kind:"mutation",sha256:"1664d1f8ae21da7329b3802f03c35dca5731dedc6ca008711deeeeac30b97993",text:`mutation UnloadModel($input: UnloadModelInput!) {
  unloadModel(input: $input) {
    __typename
    ... on UnloadModelPayload {
      model {
        ...Residency
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},or={name:"Sessions",kind:"query",sha256:"4f3ce53c8931a9e3137fe5889cacbd7600a7e1dc42d087640c05e7db976228c3",text:`query Sessions($first: Int!, $after: String) {
  sessions(first: $first, after: $after) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      node {
        id
        title
        updatedAt
        model {
          name
        }
      }
    }
  }
}`},rr={name:"SessionPage",kind:"query",sha256:"685e53805b532162908e3ae5132861de39a504d1888716da10ce934c7e649997",text:`query SessionPage($id: ID!, $after: String) {
  session(id: $id) {
    id
    title
    contextPolicy
    model {
      id
      name
    }
    openGeneration {
      id
    }
    messages(first: 20, after: $after) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          ...Said
        }
      }
    }
  }
}

fragment Said on Message {
  id
  role
  content
  createdAt
  branchIndex
  branchCount
  siblings {
    id
  }
  generation {
    id
    status
    finishReason
    artifactSha256
    usage {
      promptTokens
      completionTokens
      cachedTokens
    }
    timings {
      ttftMs
      decodeTokensPerSecond
    }
  }
}`},ir={name:"CreateSession",kind:"mutation",sha256:"b4edf41ddb830166c81ce3746bd876638f05045eea12c2590bd3b0b7c7dd5408",text:`mutation CreateSession($input: CreateSessionInput!) {
  createSession(input: $input) {
    __typename
    ... on CreateSessionPayload {
      session {
        id
        title
        updatedAt
        model {
          name
        }
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},ar={name:"DeleteSession",kind:"mutation",sha256:"e805f8cdf8de500895dee1d52aa1df2f1372b2c4d39bcf8cfaa0280530b41eba",text:`mutation DeleteSession($input: DeleteSessionInput!) {
  deleteSession(input: $input) {
    __typename
    ... on DeleteSessionPayload {
      deletedId
    }
    ... on Error {
      code
      message
    }
  }
}`},sr={name:"Parameters",kind:"query",sha256:"687543e11e11b889bb3f7e4c8295d02d970bcbbbf8cb09ac49c8d80cf6842747",text:`query Parameters($model: ModelRef) {
  samplingParameters(model: $model) {
    ...Parameter
  }
}

fragment Parameter on SamplingParameter {
  name
  type
  description
  default
  origin
  min
  max
  minExclusive
  maxItems
  maxLength
}`},cr={name:"StartGeneration",kind:"mutation",sha256:"0c81abb73ccb16f0b334bd7b74fab2fd4b3be865c3dff1b15c150522107dbe87",text:`mutation StartGeneration($input: GenerateInput!) {
  startGeneration(input: $input) {
    __typename
    ... on StartGenerationPayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},dr={name:"CancelGeneration",kind:"mutation",sha256:"596f0a9b5919ab358a505a53a8670913e5af9247ef2c239df0905bbd2e1d0c8b",text:`mutation CancelGeneration($input: CancelGenerationInput!) {
  cancelGeneration(input: $input) {
    __typename
    ... on CancelGenerationPayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},lr={name:"WatchGeneration",kind:"subscription",sha256:"c0995ca19784d1bb088845e83a4c71df92bde0fcb7ac5a4a0071b975bc6b6917",text:`subscription WatchGeneration($id: ID!, $afterSeq: Int!) {
  generationEvents(id: $id, afterSeq: $afterSeq) {
    __typename
    seq
    ... on GenerationQueued {
      position
    }
    ... on GenerationLoading {
      stage
      fraction
    }
    ... on PromptProcessed {
      promptTokens
      cachedTokens
    }
    ... on TokensGenerated {
      text
      tokens {
        id
        text
        logprob
        top {
          id
          text
          logprob
        }
      }
    }
    ... on GenerationFinished {
      finishReason
      text
      usage {
        promptTokens
        completionTokens
        cachedTokens
      }
      timings {
        queueMs
        prefillMs
        ttftMs
        decodeMs
        decodeTokensPerSecond
      }
    }
    ... on ContextTrimmed {
      droppedMessages
      keptMessages
    }
    ... on GenerationFailed {
      code
      message
    }
    ... on GenerationCancelled {
      usage {
        promptTokens
        completionTokens
        cachedTokens
      }
    }
  }
}`},ur={name:"Regenerate",kind:"mutation",sha256:"bfa1c7d1c286ee2d5f7aa68d7de92563ca65ac279bd2f7d5914b48c796e031b3",text:`mutation Regenerate($input: RegenerateInput!) {
  regenerate(input: $input) {
    __typename
    ... on RegeneratePayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},fr={name:"EditMessage",kind:"mutation",sha256:"9c714f9a5c18e159c14f51b95f5a0bfe5740f45e05186a155b50af423f301b30",text:`mutation EditMessage($input: EditMessageInput!) {
  editMessage(input: $input) {
    __typename
    ... on EditMessagePayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},_r={name:"SelectBranch",kind:"mutation",sha256:"7319991eb1a8812937370138efffcd6e2de1458989b64ff7f46fa48cd13ff325",text:`mutation SelectBranch($input: SelectBranchInput!) {
  selectBranch(input: $input) {
    __typename
    ... on SelectBranchPayload {
      session {
        id
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},pr={name:"SetContextPolicy",kind:"mutation",sha256:"48b5604b5706d2b7e5d1f01e0746b468e785926232c06a50fedacc2c331fec90",text:`mutation SetContextPolicy($input: SetContextPolicyInput!) {
  setContextPolicy(input: $input) {
    __typename
    ... on SetContextPolicyPayload {
      session {
        id
        contextPolicy
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},hr={name:"ExportSession",kind:"query",sha256:"7509b12a047bb48a4043a5972c66d407d5c45c5fbc503556bd916be65e8c2b19",text:`query ExportSession($id: ID!, $format: ExportFormat!) {
  exportSession(id: $id, format: $format) {
    content
    fileName
    mediaType
  }
}`},mr={name:"DefaultsChanged",kind:"subscription",sha256:"0849d7c0d3e781f56b05b38c7f98b3ffacd1f1b8532cd7483fc738b53736bbad",text:`subscription DefaultsChanged($model: ModelRef) {
  samplingDefaultsChanged(model: $model) {
    values {
      temperature
    }
  }
}`},vr={name:"Viewer",kind:"query",sha256:"649702a865e491aaa80ca96ac68661adb25e9790e30270504e61a1b715774cce",text:`query Viewer {
  viewer {
    id
    role
    concurrencyUnitsAllowed
    concurrencyUnitsHeld
  }
}`};function Sr(...e){let n=[...e.filter(Boolean),"Geodesic"].join(" \xB7 ");H(()=>{document.title=n},[n])}function kr(e){let n=W(e);return e!==void 0&&(n.current=e),n.current}function Mr(e){try{return atob(e).replace(/^[^:]*:/,"")}catch{return e}}var nt=new Set(["SLERP","NUSLERP","MULTISLERP","TIES","DARE","DELLA","SCE"]);function Er(e){let n=e.split("_");return n.some(t=>nt.has(t))?n.map(t=>nt.has(t)?t:t.toLowerCase()).join(" "):en(e)}function Tt({text:e,label:n,small:t}){let[o,r]=J("no");return H(()=>{if(o==="no")return;let s=setTimeout(()=>r("no"),1800);return()=>clearTimeout(s)},[o]),b(B,{children:[b("button",{type:"button",class:t?"plain":"quiet",onClick:()=>void(navigator.clipboard?.writeText(e)??Promise.reject()).then(()=>r("yes"),()=>r("failed")),"aria-label":t?n:void 0,children:o==="yes"?"Copied":o==="failed"?"Copying is blocked":t?"Copy":n}),b("span",{class:"unseen",role:"status",children:o==="yes"?"Copied":o==="failed"?"The browser does not let this page copy":""})]})}function $r({value:e,what:n}){return b("span",{class:"hash",children:[b("code",{title:e,children:[e.slice(0,12),"\u2026"]}),b(Tt,{text:e,label:`Copy the SHA-256 of ${n}`,small:!0})]})}function Cr({label:e,what:n,question:t,disabled:o,onConfirm:r}){let[i,s]=J(!1),[d,f]=[W(null),W(null)],c=W(!1);return H(()=>{i?f.current?.focus():c.current&&d.current?.focus(),c.current=i},[i]),i?b("span",{class:"confirm",role:"group","aria-label":`${e} ${n}`,onKeyDown:l=>l.key==="Escape"&&s(!1),children:[b("span",{children:t}),b("button",{ref:f,type:"button",class:"quiet small danger",onClick:()=>{s(!1),r()},children:e}),b("button",{type:"button",class:"quiet small",onClick:()=>s(!1),children:"Keep it"})]}):b("button",{ref:d,type:"button",class:"quiet small",disabled:o,"aria-label":`${e} ${n}`,onClick:()=>s(!0),children:e})}var At={OFFLINE:"Is it running? This page asks again every two seconds and goes on by itself.",UNAUTHENTICATED:"\u201CUse a key\u201D at the top takes another one.",FORBIDDEN:"It takes a key of a higher role: \u201CUse a key\u201D, at the top.",RATE_LIMITED:"Wait a moment, then try again.",CAPACITY:"Try again when less is running.",INTERNAL:"The gateway\u2019s log has the reason.",UNEXPECTED:"Load the page anew; if that does not help, the gateway\u2019s log may tell why."};function Pr({error:e,retry:n}){let t=At[e.code];return b("div",{class:"problem",role:"alert",children:[b("p",{children:[b("strong",{children:e.code==="OFFLINE"?"Offline":"That did not work"})," ",e.message.replace(/\.?$/,"."),t&&` ${t}`,e.code!=="OFFLINE"&&b("code",{children:e.code})]}),n&&b("button",{type:"button",class:"quiet",onClick:n,children:"Try again"})]})}function Tr({what:e}){return b("div",{class:"loading",role:"status",children:[b("span",{class:"orbit","aria-hidden":"true"}),b("span",{children:[ve.value?"Waiting for the gateway":`Loading ${e}`," \u2026"]})]})}function Ar({title:e,children:n,isPage:t}){return b("div",{class:"empty",children:[b("svg",{viewBox:"0 0 48 48","aria-hidden":"true",children:[b("circle",{cx:"24",cy:"24",r:"20"}),b("ellipse",{cx:"24",cy:"24",rx:"8",ry:"20"}),b("path",{d:"M4 24h40"})]}),b(t?"h1":"p",{class:"empty-title",children:e}),n]})}function Ir({value:e,label:n}){return b("progress",{value:e,max:1,"aria-label":n,children:[Math.round(e*100)," %"]})}var It={COLD:"Cold",WARM:"Warm",UNLOADING:"Unloading",FAILED:"Failed",MISSING_WEIGHTS:"No weights"};function Nt(e){return e.state==="LOADING"?"Loading":It[e.state]??en(e.state)}function Nr({residency:e,withTime:n}){let t=e.secondsLeft,o=e.state==="LOADING"?`Loading ${Math.round(e.fraction*100)} %${n&&typeof t=="number"&&t>=1?`, ${et(t)} left`:""}`:Nt(e);return b("span",{class:`badge ${e.state.toLowerCase()}`,title:e.error?.message??e.stage??"",children:[b("span",{class:"dot","aria-hidden":"true"}),o]})}function Rr({title:e,note:n,children:t,id:o,isBeside:r}){return b("section",{class:`section${r?" beside":""}`,id:o,children:[b("header",{children:[b("h2",{children:e}),n&&b("p",{class:"note",children:n})]}),t]})}export{B as a,Rt as b,b as c,J as d,H as e,W as f,X as g,D as h,Z as i,Wn as j,ve as k,so as l,Yn as m,co as n,lo as o,po as p,Ct as q,Pt as r,ho as s,mo as t,vo as u,yo as v,bo as w,xo as x,wo as y,So as z,ko as A,Mo as B,et as C,Eo as D,$o as E,Co as F,en as G,To as H,Ao as I,Io as J,No as K,Ro as L,Lo as M,Do as N,Uo as O,Fo as P,qo as Q,Oo as R,jo as S,Bo as T,Ho as U,Jo as V,Go as W,Wo as X,Ko as Y,Vo as Z,Yo as _,zo as $,Qo as aa,Xo as ba,Zo as ca,er as da,nr as ea,tr as fa,or as ga,rr as ha,ir as ia,ar as ja,sr as ka,cr as la,dr as ma,lr as na,ur as oa,fr as pa,_r as qa,pr as ra,hr as sa,mr as ta,vr as ua,Sr as va,kr as wa,Mr as xa,Er as ya,Tt as za,$r as Aa,Cr as Ba,Pr as Ca,Tr as Da,Ar as Ea,Ir as Fa,Nt as Ga,Nr as Ha,Rr as Ia};
